use weir_event::{Event, Reason};

use super::delivery::Delivery;
use super::draft::{Draft, Refusal};
use super::{address, content, identity, time};
use crate::decode::{Malformed, SentEvent};

/// A step, named by its power.
enum Step {
    /// `drop_*` may refuse the event, and notes in the draft what it had to find out to judge.
    Drop(for<'d> fn(&mut Delivery<'d>, &mut Draft<'d>) -> Result<(), Reason>),
    /// `put_*` only adds to the draft.
    Put(for<'d> fn(&mut Delivery<'d>, &mut Draft<'d>)),
}

/// Every step that a well-formed event passes, in order. The first refusal is its reason.
const STEPS: &[Step] = &[
    Step::Drop(address::drop_invalid_url),
    Step::Drop(address::drop_foreign_origin),
    Step::Drop(address::drop_unknown_host),
    Step::Drop(address::drop_site_mismatch),
    Step::Drop(address::drop_token_mismatch),
    Step::Drop(identity::drop_invalid_ip),
    Step::Drop(identity::drop_excluded_ip),
    Step::Drop(time::drop_too_old),
    Step::Drop(content::drop_invalid_text),
    Step::Drop(content::drop_invalid_name),
    Step::Drop(content::drop_invalid_props),
    Step::Drop(content::drop_invalid_amount),
    Step::Put(address::put_page),
    Step::Put(address::put_referrer),
    Step::Put(address::put_campaign),
    Step::Put(content::put_kind),
    Step::Put(identity::put_client),
    Step::Put(identity::put_visitor),
    Step::Put(identity::put_id),
];

/// What becomes of one event of the delivery. A refusal names the site where one was found.
pub(crate) fn admit<'d>(
    delivery: &mut Delivery<'d>,
    sent: Result<SentEvent<'d>, Malformed>,
) -> Result<Event, Refusal> {
    let sent =
        sent.map_err(|Malformed| Refusal { reason: Reason::Malformed, site: None, unknown_host: None })?;
    let mut draft = Draft::new(sent);
    for step in STEPS {
        match step {
            Step::Drop(drop) => drop(delivery, &mut draft).map_err(|reason| draft.refusal(reason))?,
            Step::Put(put) => put(delivery, &mut draft),
        }
    }
    Ok(draft.event)
}
