//! What happened to the files of a folder, and what of it a power cut leaves.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::content::Content;
use crate::Dice;

/// What a drive writes whole or not at all.
const SECTOR: usize = 512;

/// A replay is kept every so many entries, so that a crash state need not begin at the beginning.
const KEPT_EVERY: usize = 64;

/// One thing that happened. Files are known by number: a name may be given to another file.
#[derive(Clone)]
pub(super) enum Entry {
    Create {
        name: Arc<str>,
        file: u64,
    },
    Delete {
        name: Arc<str>,
    },
    SyncFolder,
    Write {
        file: u64,
        offset: usize,
        bytes: Arc<[u8]>,
    },
    Truncate {
        file: u64,
        len: usize,
    },
    Sync {
        file: u64,
    },
    /// A sync that failed: what it should have put on the disk is gone.
    Lose {
        file: u64,
    },
    Mark(u64),
}

/// The files of a folder as they lie on the disk.
#[derive(Clone, Default)]
pub struct Image {
    pub(super) folder: String,
    pub(super) files: BTreeMap<Arc<str>, Content>,
}

impl Image {
    /// A folder without files.
    pub fn empty(folder: &Path) -> Self {
        Self { folder: folder.to_string_lossy().into_owned(), files: BTreeMap::new() }
    }

    /// As if the file had never been there.
    pub fn remove(&mut self, path: &Path) {
        self.files.remove(&*path.to_string_lossy());
    }

    /// Full paths and sizes.
    pub fn files(&self) -> impl Iterator<Item = (&str, usize)> {
        self.files.iter().map(|(name, content)| (name.as_ref(), content.len()))
    }
}

/// A recording that has ended.
pub struct History {
    folder: String,
    entries: Vec<Entry>,
    kept: Vec<Replay>,
}

impl History {
    pub(super) fn new(folder: String, base: BTreeMap<Arc<str>, (u64, Content)>, entries: Vec<Entry>) -> Self {
        let mut replay = Replay::new(base);
        let mut kept = Vec::with_capacity(entries.len() / KEPT_EVERY + 1);
        for at in (0..=entries.len()).step_by(KEPT_EVERY) {
            replay.advance(&entries, at);
            kept.push(replay.clone());
        }
        Self { folder, entries, kept }
    }

    /// Positions go from 0, before the first entry, to this, after the last.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The positions right before each sync of a file; one more is right after it.
    pub fn sync_points(&self) -> Vec<usize> {
        let is_sync = |entry: &Entry| matches!(entry, Entry::Sync { .. });
        (0..self.entries.len()).filter(|at| is_sync(&self.entries[*at])).collect()
    }

    /// The marks that were put in before a position.
    pub fn marks_before(&self, at: usize) -> impl Iterator<Item = u64> {
        self.entries[..at].iter().filter_map(|entry| match entry {
            Entry::Mark(mark) => Some(*mark),
            _ => None,
        })
    }

    /// What a power cut at `at` may leave; the seed decides which of all that is legal.
    pub fn crash(&self, at: usize, seed: u64) -> Image {
        let mut replay = self.kept[at / KEPT_EVERY].clone();
        replay.advance(&self.entries, at);
        let mut dice = Dice::of(seed, at as u64);
        let names = replay.surviving_names(&mut dice);
        let files = names.into_iter().map(|(name, file)| {
            let content = replay.files.get(&file).map(|on_disk| on_disk.survive(&self.entries, &mut dice));
            (name, content.unwrap_or_default())
        });
        Image { folder: self.folder.clone(), files: files.collect() }
    }
}

/// What is certainly on the disk at a position, and what is not certain.
#[derive(Clone)]
struct Replay {
    at: usize,
    names: BTreeMap<Arc<str>, u64>,
    /// Names given and taken since the folder was last synced.
    renamed: Vec<(Arc<str>, Option<u64>)>,
    files: BTreeMap<u64, OnDisk>,
}

#[derive(Clone, Default)]
struct OnDisk {
    synced: Content,
    /// Entries that write or truncate since the last sync.
    unsynced: Vec<usize>,
}

impl Replay {
    fn new(base: BTreeMap<Arc<str>, (u64, Content)>) -> Self {
        let (mut names, mut files) = (BTreeMap::new(), BTreeMap::new());
        for (name, (file, synced)) in base {
            names.insert(name, file);
            files.insert(file, OnDisk { synced, unsynced: Vec::new() });
        }
        Self { at: 0, names, renamed: Vec::new(), files }
    }

    fn advance(&mut self, entries: &[Entry], to: usize) {
        for at in self.at..to {
            match &entries[at] {
                Entry::Create { name, file } => self.renamed.push((Arc::clone(name), Some(*file))),
                Entry::Delete { name } => self.renamed.push((Arc::clone(name), None)),
                Entry::SyncFolder => {
                    for (name, file) in std::mem::take(&mut self.renamed) {
                        match file {
                            Some(file) => self.names.insert(name, file),
                            None => self.names.remove(&name),
                        };
                    }
                }
                Entry::Write { file, .. } | Entry::Truncate { file, .. } => {
                    self.files.entry(*file).or_default().unsynced.push(at);
                }
                Entry::Sync { file } => self.files.entry(*file).or_default().sync(entries),
                Entry::Lose { file } => self.files.entry(*file).or_default().unsynced.clear(),
                Entry::Mark(_) => {}
            }
        }
        self.at = to;
    }

    /// Each name by itself stands for what it stood for at the last sync of the folder or at any
    /// time since.
    fn surviving_names(&self, dice: &mut Dice) -> BTreeMap<Arc<str>, u64> {
        let mut names = self.names.clone();
        let mut changed: BTreeMap<&Arc<str>, Vec<Option<u64>>> = BTreeMap::new();
        for (name, file) in &self.renamed {
            changed.entry(name).or_default().push(*file);
        }
        for (name, versions) in changed {
            // One past the end: as it was synced.
            match versions.get(dice.index(versions.len() + 1)) {
                Some(Some(file)) => names.insert(Arc::clone(name), *file),
                Some(None) => names.remove(name),
                None => None,
            };
        }
        names
    }
}

impl OnDisk {
    fn sync(&mut self, entries: &[Entry]) {
        for at in std::mem::take(&mut self.unsynced) {
            apply(&mut self.synced, &entries[at]);
        }
    }

    fn survive(&self, entries: &[Entry], dice: &mut Dice) -> Content {
        let mut content = self.synced.clone();
        let fates = Fates::thrown(dice, self.unsynced.len());
        for (nth, at) in self.unsynced.iter().enumerate() {
            match fates.of(nth, dice) {
                Fate::Lost => {}
                Fate::Kept => apply(&mut content, &entries[*at]),
                Fate::Torn => apply_torn(&mut content, &entries[*at], dice),
            }
        }
        content
    }
}

/// What becomes of a file's unsynced changes.
enum Fates {
    AllLost,
    AllKept,
    /// In order up to one, which is torn.
    First(usize),
    /// As if the disk had begun with the last ones.
    Last(usize),
    EachByItself,
    EachSector,
}

#[derive(Clone, Copy)]
enum Fate {
    Lost,
    Kept,
    Torn,
}

impl Fates {
    fn thrown(dice: &mut Dice, n: usize) -> Self {
        match dice.below(8) {
            0 => Self::AllLost,
            1 => Self::AllKept,
            2 | 3 => Self::First(dice.index(n + 1)),
            4 => Self::Last(dice.index(n + 1)),
            5 | 6 => Self::EachByItself,
            _ => Self::EachSector,
        }
    }

    fn of(&self, nth: usize, dice: &mut Dice) -> Fate {
        match self {
            Self::AllLost => Fate::Lost,
            Self::AllKept => Fate::Kept,
            Self::First(n) | Self::Last(n) if nth == *n => Fate::Torn,
            Self::First(n) => [Fate::Lost, Fate::Kept][usize::from(nth < *n)],
            Self::Last(n) => [Fate::Lost, Fate::Kept][usize::from(nth > *n)],
            Self::EachByItself => [Fate::Lost, Fate::Kept, Fate::Torn][dice.index(3)],
            Self::EachSector => Fate::Torn,
        }
    }
}

fn apply(content: &mut Content, entry: &Entry) {
    match entry {
        Entry::Write { offset, bytes, .. } => content.write(*offset, bytes),
        Entry::Truncate { len, .. } => content.resize(*len),
        _ => {}
    }
}

/// Each sector of a write is kept or lost by itself. The new length of the file is kept or lost
/// apart from the bytes: a file may have grown by zeros.
fn apply_torn(content: &mut Content, entry: &Entry, dice: &mut Dice) {
    match entry {
        Entry::Write { offset, bytes, .. } => {
            let end = offset + bytes.len();
            if dice.flip() && end > content.len() {
                content.resize(end);
            }
            let mut from = *offset;
            while from < end {
                let to = ((from / SECTOR + 1) * SECTOR).min(end);
                if dice.flip() {
                    content.write(from, &bytes[from - offset..to - offset]);
                }
                from = to;
            }
        }
        whole if dice.flip() => apply(content, whole),
        _ => {}
    }
}
