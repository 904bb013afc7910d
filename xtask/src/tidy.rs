//! House rules that no compiler knows: arrows between crates, sizes of files, who knows what.
//! (Sizes of functions and banned calls are lints: see clippy.toml.)

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::chore::{output, root};

/// Who may use whom; each may also use `event` and `fault`. ARCHITECTURE.md explains these lines.
const ARROWS: [(&str, &[&str]); 17] = [
    ("ingest", &["queue", "registry", "verdicts"]),
    ("queue", &["sqlite"]),
    ("processor", &["queue", "registry", "rollups", "sqlite", "store", "verdicts"]),
    ("rollups", &[]),
    ("store", &["rollups", "sqlite"]),
    ("query", &["registry", "rollups", "store"]),
    ("dashboard", &["checkup", "query", "queue", "registry", "store", "verdicts"]),
    ("event", &[]),
    ("fault", &[]),
    ("registry", &["sqlite"]),
    ("sqlite", &[]),
    ("verdicts", &[]),
    ("checkup", &[]),
    (
        "server",
        &[
            "checkup",
            "dashboard",
            "ingest",
            "processor",
            "query",
            "queue",
            "registry",
            "rollups",
            "sqlite",
            "store",
            "verdicts",
        ],
    ),
    ("testkit", &[]),
    ("torture", &["processor", "query", "queue", "registry", "rollups", "sqlite", "store", "testkit"]),
    ("guard", &["ingest", "processor", "query", "queue", "registry", "store", "testkit"]),
];

/// Libraries that only these crates may know.
const KNOWERS: [(&str, &[&str]); 3] = [
    ("axum", &["ingest", "dashboard", "server", "guard"]),
    ("rusqlite", &["sqlite", "queue", "registry", "store", "torture"]),
    // Nothing else of the program goes out into the network.
    ("ureq", &["checkup"]),
];

/// Lines of a file, tests not counted.
const FILE_LINES_MAX: usize = 500;

/// Files that are longer, and why. This list may only shrink.
const LONGER: [&str; 0] = [];

pub(crate) fn run() -> anyhow::Result<()> {
    let root = root();
    let mut faults = Vec::new();
    for (name, allowed) in ARROWS {
        faults.extend(check_arrows(&root, name, allowed)?);
    }
    for file in rust_files(&root)? {
        faults.extend(check_size(&root, &file)?);
        faults.extend(check_driver(&root, &file)?);
    }
    faults.extend(check_members(&root)?);
    faults.extend(check_release()?);
    ensure!(faults.is_empty(), "the house is untidy:\n  {}", faults.join("\n  "));
    println!("tidy: arrows, sizes and knowledge are as they should be");
    Ok(())
}

fn manifest(root: &Path, name: &str) -> anyhow::Result<toml::Table> {
    let path = root.join("crates").join(name).join("Cargo.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
    Ok(text.parse()?)
}

fn check_arrows(root: &Path, name: &str, allowed: &[&str]) -> anyhow::Result<Vec<String>> {
    let manifest = manifest(root, name)?;
    let used = manifest.get("dependencies").and_then(toml::Value::as_table).cloned().unwrap_or_default();
    let mut faults = Vec::new();
    for dependency in used.keys() {
        if let Some(part) = dependency.strip_prefix("weir-")
            && !["event", "fault"].contains(&part)
            && !allowed.contains(&part)
        {
            faults.push(format!("{name} -> {part} is no arrow of the map"));
        }
        for (library, knowers) in KNOWERS {
            if dependency == library && !knowers.contains(&name) {
                faults.push(format!("{name} must not know {library}"));
            }
        }
    }
    Ok(faults)
}

/// The members of the workspace stand in the order of the data path, and none is missing here.
fn check_members(root: &Path) -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(root.join("Cargo.toml"))?;
    let manifest: toml::Table = text.parse()?;
    let members = manifest["workspace"]["members"].as_array().cloned().unwrap_or_default();
    let members: Vec<&str> = members.iter().filter_map(toml::Value::as_str).collect();
    let expected: Vec<String> = ARROWS.iter().map(|(name, _)| format!("crates/{name}")).collect();
    let mut faults = Vec::new();
    if members.iter().filter(|member| member.starts_with("crates/")).ne(expected.iter()) {
        faults.push("the members of Cargo.toml are not the map's crates in the map's order".to_owned());
    }
    Ok(faults)
}

/// What `cargo build --package weir` makes can be asked neither to die nor to make mistakes, and has no
/// scheduler of tests in it. Dependencies of tests do not count: they are not in a release.
fn check_release() -> anyhow::Result<Vec<String>> {
    let tree =
        output(".", "cargo", &["tree", "--locked", "--package", "weir", "--edges", "normal,build,features"])?;
    let is_for_tests = |line: &&str| {
        line.contains("weir-fault feature \"armed\"")
            || line.contains("weir-testkit")
            || line.contains("shuttle")
    };
    Ok(tree
        .lines()
        .filter(is_for_tests)
        .map(|line| format!("a release would have {}", line.trim()))
        .collect())
}

fn rust_files(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut folders = vec![root.join("crates"), root.join("xtask")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn shown(root: &Path, file: &Path) -> String {
    file.strip_prefix(root).unwrap_or(file).display().to_string()
}

fn check_size(root: &Path, file: &Path) -> anyhow::Result<Vec<String>> {
    let name = shown(root, file);
    if name.contains("/tests/") || name.ends_with("/tests.rs") {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(file)?;
    let lines = text.lines().take_while(|line| *line != "#[cfg(test)]").count();
    let excused = LONGER.contains(&name.as_str());
    Ok(match (lines > FILE_LINES_MAX, excused) {
        (true, false) => vec![format!("{name} has {lines} lines, {FILE_LINES_MAX} are allowed")],
        (false, true) => vec![format!("{name} is short enough by now: take it off the list")],
        _ => Vec::new(),
    })
}

/// Within the store only its SQLite backend, and the one file that converts errors, know the driver.
fn check_driver(root: &Path, file: &Path) -> anyhow::Result<Vec<String>> {
    let name = shown(root, file);
    let exempt = ["crates/store/src/sqlite/", "crates/store/src/error.rs"];
    if !name.starts_with("crates/store/src/") || exempt.iter().any(|path| name.starts_with(path)) {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(file)?;
    let by_line: BTreeMap<usize, &str> = (1..).zip(text.lines()).collect();
    let met = by_line.iter().find(|(_, line)| line.contains("rusqlite"));
    Ok(met.map(|(line, _)| format!("{name}:{line} knows rusqlite")).into_iter().collect())
}
