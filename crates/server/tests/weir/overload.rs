use crate::folder::Folder;

/// Short and slow: what counts here is that it comes to its proof, not its figures.
#[test]
fn an_overload_ends_with_its_proof_and_leaves_nothing_behind() {
    let folder = Folder::new();
    let args = ["bench", "overload", "--seconds", "1", "--factor", "2", "--rate", "2000"];
    let said = folder.json(&args);
    for step in ["overload_1x_beside_busy_loops", "overload_1x", "overload_2x"] {
        assert!(said[step]["accepted_events_per_second"].as_f64().is_some_and(|n| n > 0.0), "{said}");
        for name in
            ["refused_by_backlog", "accepted_p99_ms_from_due", "memory_mib_max", "backlog_empty_again_ms"]
        {
            assert!(said[step][name].is_number(), "{name} of {step}: {said}");
        }
    }
    let proof = &said["overload_proof"];
    assert_eq!(proof["acknowledged_events"], proof["received_events"], "{said}");
    assert_eq!((&proof["books_balanced"], &proof["verify_equal"]), (&1.0.into(), &1.0.into()), "{said}");
    let left: Vec<_> = std::fs::read_dir(folder.path("")).expect("a folder").collect();
    assert!(left.is_empty(), "{left:?}");
}
