use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::folder::Folder;

/// What lies below a data folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// In memory, of a fixed size.
    Tmpfs,
    /// With a journal, in a file, through the system's own block layer.
    Ext4,
}

/// A file system of its own for a data folder, mounted as long as this lives.
pub struct Disk {
    kind: Kind,
    mounted_at: PathBuf,
    image: PathBuf,
    is_mounted: bool,
}

const BALLAST: &str = "ballast";

impl Disk {
    /// Below the data folder, which is still empty. `None`, and a line that says why, where the system
    /// lets nobody mount: only there may a test do without.
    pub fn below(folder: &Folder, kind: Kind, mib: u32) -> Option<Self> {
        let (mounted_at, image) = (folder.data(), folder.path("disk.img"));
        fs::create_dir(&mounted_at).expect("made");
        if kind == Kind::Ext4 {
            File::create(&image).and_then(|file| file.set_len(u64::from(mib) << 20)).expect("an image");
            run("mkfs.ext4", &["-q", "-m", "0", text(&image)]).unwrap_or_else(|error| panic!("{error}"));
        }
        let mut disk = Self { kind, mounted_at, image, is_mounted: false };
        match disk.mount_it(mib) {
            Ok(()) => Some(disk),
            Err(error) => {
                let denied = ["ermission denied", "not permitted", "superuser", "loop device"];
                assert!(denied.iter().any(|words| error.contains(words)), "{kind:?}: {error}");
                // Past the test harness, which shows no word of a test that passes.
                let said = writeln!(std::io::stderr(), "NOT TESTED on a real {kind:?} disk: {error}");
                said.expect("said");
                None
            }
        }
    }

    fn mount_it(&mut self, mib: u32) -> Result<(), String> {
        let (at, image, size) = (text(&self.mounted_at), text(&self.image), format!("size={mib}m"));
        match self.kind {
            Kind::Tmpfs => run("mount", &["-t", "tmpfs", "-o", &size, "weir-test", at]),
            Kind::Ext4 => run("mount", &["-t", "ext4", "-o", "loop,errors=remount-ro", image, at]),
        }?;
        self.is_mounted = true;
        Ok(())
    }

    /// Takes all room but so many bytes.
    pub fn fill(&self, leave: u64) {
        let mut file = File::options().create(true).append(true).open(self.ballast()).expect("opens");
        for size in [1 << 20, 64 << 10, 4 << 10] {
            let piece = vec![0x5a; size];
            while self.free() > leave && file.write_all(&piece).is_ok() {}
        }
        // Room that a file system only promised is not taken yet.
        let _ = file.sync_all();
    }

    pub fn free(&self) -> u64 {
        let disk = rustix::fs::statvfs(&self.mounted_at).expect("can be asked");
        disk.f_bavail * disk.f_frsize
    }

    pub fn make_room(&self) {
        fs::remove_file(self.ballast()).expect("removed");
    }

    /// As the system does it by itself where its journal can't be written: from now on every write
    /// fails, whoever has files open.
    pub fn fail(&self) {
        self.remount("abort").expect("remounted");
    }

    pub fn remount(&self, option: &str) -> Result<(), String> {
        run("mount", &["-o", &format!("remount,{option}"), text(&self.mounted_at)])
    }

    /// As an operator does it after a failure: taken off, repaired, mounted again.
    pub fn repair(&mut self) {
        run("umount", &[text(&self.mounted_at)]).expect("nobody uses it");
        self.is_mounted = false;
        // 1 says that it has mended what it found.
        let checked = Command::new("e2fsck").args(["-p", text(&self.image)]).output().expect("runs");
        assert!(checked.status.code().is_some_and(|code| code <= 1), "{checked:?}");
        self.mount_it(0).expect("mounts");
    }

    fn ballast(&self) -> PathBuf {
        self.mounted_at.join(BALLAST)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.is_mounted {
            // Lazily: whoever still uses it may end later.
            let _ = run("umount", &["-l", text(&self.mounted_at)]);
        }
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

fn run(program: &str, args: &[&str]) -> Result<(), String> {
    let done = Command::new(program).args(args).env("LC_ALL", "C").output();
    let done = done.map_err(|error| format!("{program}: {error}"))?;
    match done.status.success() {
        true => Ok(()),
        false => Err(format!("{program}: {}", String::from_utf8_lossy(&done.stderr).trim())),
    }
}
