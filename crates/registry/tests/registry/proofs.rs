use weir_event::{LocalDay, SiteId};
use weir_registry::Proof;

use crate::{Fixture, NOON};

fn proof(site: SiteId, day: i32) -> Proof {
    let day = LocalDay(day);
    Proof { site, day, at: NOON, took_ms: 7, rows: 1_234, different: 0, frozen: false, moving: false }
}

#[test]
fn a_site_keeps_its_last_proof_until_it_is_removed() {
    let mut server = Fixture::new();
    let (a, b) = (server.site("a.example", "UTC").id, server.site("b.example", "UTC").id);
    for proof in [proof(b, 1), proof(a, 2), Proof { different: 3, moving: true, ..proof(b, 3) }] {
        server.registry.keep_proof(&proof).expect("kept");
    }
    server.restart();
    let last = Proof { different: 3, moving: true, ..proof(b, 3) };
    assert_eq!(server.registry.proofs().expect("read"), [proof(a, 2), last]);
    server.registry.remove_site("b.example").expect("removed");
    server.registry.keep_proof(&proof(b, 4)).expect("nothing to keep");
    assert_eq!(server.registry.proofs().expect("read"), [proof(a, 2)]);
}
