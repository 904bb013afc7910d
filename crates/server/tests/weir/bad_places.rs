use std::fs;
use std::net::TcpListener;

use crate::folder::{Done, Folder};
use crate::server::page_view;
use crate::wait::until;

fn serve(folder: &Folder, args: &[&str]) -> Done {
    let args: Vec<&str> = ["serve"].into_iter().chain(args.iter().copied()).collect();
    folder.run(&args)
}

const ANY_PORT: [&str; 2] = ["--listen", "127.0.0.1:0"];

#[test]
fn a_data_folder_that_can_not_be_made_or_written_is_named() {
    let folder = Folder::new();
    fs::write(folder.path("file"), "not a folder").expect("written");
    let under_a_file = folder.path("file").join("data");
    let under_a_file = under_a_file.to_str().expect("text");
    let serve = |data: &str| serve(&folder, &[ANY_PORT[0], ANY_PORT[1], "--data", data]);
    serve(under_a_file).refused(&["can't make the data folder", under_a_file]);
    serve("/proc/weir").refused(&["can't make the data folder", "/proc/weir"]);
    serve("/proc").refused(&["can't write to the data folder", "/proc", "read-only"]);
    folder
        .run(&["site", "add", "example.com", "--data", under_a_file])
        .refused(&["can't make the data folder"]);
    assert_eq!(fs::read_to_string(folder.path("file")).expect("still there"), "not a folder");
}

#[test]
fn a_data_folder_is_for_its_owners_eyes_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::with_site();
    folder.serve().stop();
    let mode = fs::metadata(folder.data()).expect("there").permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
}

#[test]
fn a_port_in_use_is_named_and_nothing_is_touched() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    serve(&folder, &["--listen", &address]).refused(&[&address, "another server", "--listen"]);
    assert!(!folder.data().exists());
}

#[test]
fn a_second_server_on_the_same_folder_is_turned_away_and_the_first_goes_on() {
    let folder = Folder::with_site();
    let server = folder.serve();
    serve(&folder, &ANY_PORT).refused(&["another weir is running", "data", "--data"]);
    assert!(folder.run(&["health"]).succeeded().contains(&server.address.to_string()));
    assert_eq!(server.deliver(&[page_view("/")]).status, 202);
    until("everything is folded", || (folder.json(&["ledger"])["pending"] == 0).then_some(()));
    folder.run(&["verify"]).succeeded();
    // However it ends, the folder is free again.
    server.kill();
    folder.serve().stop();
}

#[test]
fn a_file_that_is_no_database_is_named_and_left_alone() {
    for name in ["queue.db", "weir.db", "registry.db"] {
        // Without a registry beside the others nothing is opened at all.
        let folder = Folder::with_site();
        let file = folder.data().join(name);
        let text = "this is no database, whatever its name says. ".repeat(50);
        fs::write(&file, &text).expect("written");
        let done = serve(&folder, &ANY_PORT);
        assert_eq!((done.code, done.stdout.as_str()), (Some(3), ""), "{name}: {done:?}");
        assert!(done.stderr.contains(name) && done.stderr.contains("not a database"), "{name}: {done:?}");
        assert_eq!(fs::read_to_string(&file).expect("still there"), text);
    }
}
