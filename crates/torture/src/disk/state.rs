//! The disk itself: names, files, who has them open, and what is recorded.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::content::Content;
use super::faults::{Failure, Faults, Op};
use super::gate::Gates;
use super::history::{Entry, History, Image};
use super::locks::{FileLocks, Shm};
use crate::Dice;

#[derive(Default)]
pub(super) struct State {
    names: BTreeMap<Arc<str>, u64>,
    files: HashMap<u64, File>,
    files_made: u64,
    recordings: Vec<Recording>,
    pub faults: Faults,
    pub gates: Gates,
    randomness: Option<Dice>,
}

pub(super) struct File {
    path: Arc<str>,
    pub content: Content,
    pub locks: FileLocks,
    pub shm: Shm,
    handles: usize,
    has_name: bool,
}

struct Recording {
    folder: String,
    base: BTreeMap<Arc<str>, (u64, Content)>,
    entries: Vec<Entry>,
}

fn is_within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

impl State {
    pub fn file(&mut self, file: u64) -> &mut File {
        self.files.get_mut(&file).expect("a file stays while a handle is open")
    }

    pub fn find(&self, path: &str) -> Option<u64> {
        self.names.get(path).copied()
    }

    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.names.keys()
    }

    /// Makes an empty file; one without a name is nobody else's and not recorded.
    pub fn create(&mut self, path: Option<&str>) -> u64 {
        self.files_made += 1;
        let file = self.files_made;
        let name: Arc<str> = Arc::from(path.unwrap_or_default());
        if path.is_some() {
            self.names.insert(Arc::clone(&name), file);
            self.record(&name, || Entry::Create { name: Arc::clone(&name), file });
        }
        self.files.insert(
            file,
            File {
                path: name,
                content: Content::default(),
                locks: FileLocks::default(),
                shm: Shm::default(),
                handles: 0,
                has_name: path.is_some(),
            },
        );
        file
    }

    /// False where there is no such file.
    pub fn delete(&mut self, path: &str) -> bool {
        let Some(file) = self.names.remove(path) else { return false };
        self.file(file).has_name = false;
        self.forget_if_unused(file);
        self.record(path, || Entry::Delete { name: Arc::from(path) });
        true
    }

    pub fn is_empty(&self, file: u64) -> bool {
        self.files.get(&file).is_none_or(|of| of.content.len() == 0)
    }

    pub fn opened(&mut self, file: u64) {
        self.file(file).handles += 1;
    }

    pub fn closed(&mut self, file: u64) {
        self.file(file).handles -= 1;
        self.forget_if_unused(file);
    }

    fn forget_if_unused(&mut self, file: u64) {
        if self.files.get(&file).is_some_and(|of| of.handles == 0 && !of.has_name) {
            self.files.remove(&file);
        }
    }

    pub fn path_of(&self, file: u64) -> Arc<str> {
        Arc::clone(&self.files[&file].path)
    }

    pub fn write(&mut self, file: u64, offset: usize, bytes: &[u8]) {
        self.file(file).content.write(offset, bytes);
        let path = self.path_of(file);
        self.record(&path, || Entry::Write { file, offset, bytes: Arc::from(bytes) });
    }

    pub fn truncate(&mut self, file: u64, len: usize) {
        self.file(file).content.resize(len);
        let path = self.path_of(file);
        self.record(&path, || Entry::Truncate { file, len });
    }

    pub fn sync(&mut self, file: u64) {
        let path = self.path_of(file);
        self.record(&path, || Entry::Sync { file });
    }

    pub fn lose_unsynced(&mut self, file: u64) {
        let path = self.path_of(file);
        self.record(&path, || Entry::Lose { file });
    }

    pub fn sync_folder_of(&mut self, path: &str) {
        self.record(path, || Entry::SyncFolder);
    }

    pub fn meet(&mut self, path: &str, op: Op) -> Option<Failure> {
        self.faults.meet(path, op)
    }

    fn record(&mut self, path: &str, entry: impl FnOnce() -> Entry) {
        if let Some(recording) = self.recordings.iter_mut().find(|r| is_within(path, &r.folder)) {
            recording.entries.push(entry());
        }
    }

    pub fn begin_recording(&mut self, folder: &str) {
        let base = self.names.iter().filter(|(name, _)| is_within(name, folder));
        let base = base.map(|(name, file)| (Arc::clone(name), (*file, self.files[file].content.clone())));
        let base = base.collect();
        self.recordings.retain(|recording| recording.folder != folder);
        self.recordings.push(Recording { folder: folder.to_owned(), base, entries: Vec::new() });
    }

    pub fn mark(&mut self, folder: &str, mark: u64) {
        if let Some(recording) = self.recordings.iter_mut().find(|r| r.folder == folder) {
            recording.entries.push(Entry::Mark(mark));
        }
    }

    pub fn recorded(&self, folder: &str) -> usize {
        self.recordings.iter().find(|r| r.folder == folder).map_or(0, |r| r.entries.len())
    }

    pub fn end_recording(&mut self, folder: &str) -> Option<History> {
        let at = self.recordings.iter().position(|r| r.folder == folder)?;
        let Recording { folder, base, entries } = self.recordings.swap_remove(at);
        Some(History::new(folder, base, entries))
    }

    /// Puts files in the place of what a folder held; whoever has an old one open keeps that.
    pub fn load(&mut self, image: &Image) {
        let old: Vec<Arc<str>> =
            self.names.keys().filter(|name| is_within(name, &image.folder)).cloned().collect();
        for name in old {
            self.delete(&name);
        }
        for (name, content) in &image.files {
            let file = self.create(Some(name));
            self.file(file).content = content.clone();
        }
    }

    pub fn image(&self, folder: &str) -> Image {
        let within = self.names.iter().filter(|(name, _)| is_within(name, folder));
        let files = within.map(|(name, file)| (Arc::clone(name), self.files[file].content.clone()));
        Image { folder: folder.to_owned(), files: files.collect() }
    }

    pub fn seed(&mut self, seed: u64) {
        self.randomness = Some(Dice::new(seed));
    }

    /// The bytes that SQLite takes for chance.
    pub fn fill_randomly(&mut self, bytes: &mut [u8]) {
        let dice = self.randomness.get_or_insert_with(|| Dice::new(0));
        for chunk in bytes.chunks_mut(8) {
            let thrown = dice.throw().to_le_bytes();
            chunk.copy_from_slice(&thrown[..chunk.len()]);
        }
    }
}
