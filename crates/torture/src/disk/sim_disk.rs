use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::faults::{Failure, Fault, FileMatch, Op, Times};
use super::history::{History, Image};
use super::state::State;
use super::vfs;

static DISK: OnceLock<SimDisk> = OnceLock::new();

/// The process's simulated disk. Everything that SQLite opens after [`SimDisk::install`] lies on it.
pub struct SimDisk {
    state: Mutex<State>,
    moved: Condvar,
}

impl SimDisk {
    /// Puts the disk below SQLite, for the whole process and for good; the first call does it.
    pub fn install() -> &'static Self {
        let disk = Self::get();
        vfs::register();
        disk
    }

    pub(super) fn get() -> &'static Self {
        DISK.get_or_init(|| Self { state: Mutex::default(), moved: Condvar::new() })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes SQLite's chance (salts of a WAL, `randomblob`) repeat itself from here on.
    pub fn seed(&self, seed: u64) {
        self.lock().seed(seed);
        vfs::reset_randomness();
    }

    /// Fails operations from now on; several faults add up, the first that fits is met.
    pub fn fail(&self, files: FileMatch, op: impl Into<Option<Op>>, failure: Failure, times: Times) {
        self.lock().faults.add(Fault { files, op: op.into(), failure, times });
    }

    /// The disk is as good as new.
    pub fn heal(&self) {
        self.lock().faults.clear();
    }

    /// As [`Self::heal`], for faults that were asked for by this folder.
    pub fn heal_within(&self, folder: &Path) {
        self.lock().faults.clear_within(&text(folder));
    }

    /// How many operations were failed since the start.
    pub fn failed(&self) -> u64 {
        self.lock().faults.met()
    }

    /// Makes the next `op` on these files wait until the gate is dropped.
    pub fn shut(&self, files: FileMatch, op: Op) -> Gate<'_> {
        Gate { disk: self, id: self.lock().gates.shut(files, op) }
    }

    pub(super) fn pass_gates(&self, path: &str, op: Op) {
        let mut state = self.lock();
        if let Some(id) = state.gates.reach(path, op) {
            self.moved.notify_all();
            let waited = self.moved.wait_while(state, |state| state.gates.is_shut(id));
            drop(waited);
        }
    }

    /// Records what happens in a folder from now on; what is there counts as synced.
    pub fn record(&self, folder: &Path) -> Recorder<'_> {
        let folder = text(folder);
        self.lock().begin_recording(&folder);
        Recorder { disk: self, folder }
    }

    /// What a folder holds, unsynced or not: the machine runs on.
    pub fn image(&self, folder: &Path) -> Image {
        self.lock().image(&text(folder))
    }

    /// Replaces what the image's folder holds. Files should be closed: who has one open keeps the
    /// old one.
    pub fn load(&self, image: &Image) {
        self.lock().load(image);
    }

    pub fn exists(&self, path: &Path) -> bool {
        self.lock().find(&text(path)).is_some()
    }

    /// Paths of all files.
    pub fn names(&self) -> Vec<String> {
        self.lock().names().map(|name| name.to_string()).collect()
    }

    /// The bytes of a file; `None` where there is none.
    pub fn bytes(&self, path: &Path) -> Option<Vec<u8>> {
        let mut state = self.lock();
        let file = state.find(&text(path))?;
        let content = &state.file(file).content;
        let mut bytes = vec![0; content.len()];
        content.read(0, &mut bytes);
        Some(bytes)
    }

    /// Makes or replaces a file, synced: a backup that somebody puts back.
    pub fn put(&self, path: &Path, bytes: &[u8]) {
        let (path, mut state) = (text(path), self.lock());
        state.delete(&path);
        let file = state.create(Some(&path));
        state.write(file, 0, bytes);
        state.sync(file);
        state.sync_folder_of(&path);
    }

    /// Writes to a file, and makes it where missing, as a program that syncs nothing.
    pub fn write(&self, path: &Path, offset: usize, bytes: &[u8]) {
        let (path, mut state) = (text(path), self.lock());
        let file = state.find(&path).unwrap_or_else(|| state.create(Some(&path)));
        state.write(file, offset, bytes);
    }

    /// Takes a file away, as a program that syncs nothing; false where there is none.
    pub fn remove(&self, path: &Path) -> bool {
        let (path, mut state) = (text(path), self.lock());
        state.delete(&path)
    }

    /// Overwrites a page of a database (the first is 1) with nonsense, synced. False where the file
    /// does not reach that far.
    pub fn corrupt_page(&self, path: &Path, page: usize) -> bool {
        let mut state = self.lock();
        let Some(file) = state.find(&text(path)) else { return false };
        let mut size = [0; 2];
        state.file(file).content.read(16, &mut size);
        // The header says 1 for 65536, which does not fit.
        let size = match usize::from(u16::from_be_bytes(size)) {
            1 => 65_536,
            size => size,
        };
        let offset = page.saturating_sub(1) * size;
        if page == 0 || size == 0 || offset + size > state.file(file).content.len() {
            return false;
        }
        state.write(file, offset, &vec![0xa5; size]);
        state.sync(file);
        true
    }
}

/// A recording under way.
pub struct Recorder<'a> {
    disk: &'a SimDisk,
    folder: String,
}

impl Recorder<'_> {
    /// Puts a mark between what happened and what will.
    pub fn mark(&self, mark: u64) {
        self.disk.lock().mark(&self.folder, mark);
    }

    pub fn len(&self) -> usize {
        self.disk.lock().recorded(&self.folder)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn finish(self) -> History {
        let history = self.disk.lock().end_recording(&self.folder);
        history.expect("no other recording of the folder was begun meanwhile")
    }
}

/// Operations wait here until it is dropped.
pub struct Gate<'a> {
    disk: &'a SimDisk,
    id: u64,
}

impl Gate<'_> {
    /// Waits until somebody waits at the gate; false if nobody came in time.
    pub fn wait_reached(&self, timeout: Duration) -> bool {
        let nobody = |state: &mut State| !state.gates.is_reached(self.id);
        let waited = self.disk.moved.wait_timeout_while(self.disk.lock(), timeout, nobody);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Ends [`Self::wait_reached`]: nobody will come any more.
    pub fn stop_waiting(&self) {
        self.disk.lock().gates.give_up(self.id);
        self.disk.moved.notify_all();
    }

    /// Lets everybody through.
    pub fn let_through(&self) {
        self.disk.lock().gates.open(self.id);
        self.disk.moved.notify_all();
    }

    /// As dropping it.
    pub fn open(self) {}
}

impl Drop for Gate<'_> {
    fn drop(&mut self) {
        self.let_through();
    }
}

/// Paths are taken as they are: a folder must always be spelled the same.
fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
