use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use weir_event::{LocalDay, SiteId};

use crate::{RegistryError, private_file};

const FILE: &str = "day-keys";
const UNFINISHED: &str = "day-keys.new";
const HEAD: &str = "weir day keys 1";

/// One day of one site in 32 random bytes. No `Debug`, no `Display`: it must not reach a log.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key(pub(crate) [u8; 32]);

pub(crate) type Keys = HashMap<(SiteId, LocalDay), Key>;

/// The one place outside memory where day keys are: no database, no backup.
pub(crate) struct KeyFile {
    folder: PathBuf,
}

impl KeyFile {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Reads the keys; a missing file has none. What a crash left unfinished is removed: it may hold
    /// keys whose time is over.
    pub(crate) fn read(&self) -> Result<Keys, RegistryError> {
        private_file::remove(&self.folder.join(UNFINISHED)).map_err(|error| self.failed(error))?;
        match fs::read_to_string(self.path()) {
            Ok(text) => parse(&text).ok_or_else(|| {
                let why = "is damaged; remove it and today's visitors are counted anew";
                self.failed(io::Error::new(io::ErrorKind::InvalidData, why))
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Keys::new()),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Replaces the file. When this returns, the keys are on disk, and the bytes of those that are
    /// gone were overwritten as far as the file system lets a program do that.
    pub(crate) fn write(&self, keys: &Keys) -> Result<(), RegistryError> {
        self.replace(keys).map_err(|error| self.failed(error))
    }

    fn replace(&self, keys: &Keys) -> io::Result<()> {
        let unfinished = self.folder.join(UNFINISHED);
        let mut file = private_file::create(&unfinished)?;
        file.write_all(format(keys).as_bytes())?;
        file.sync_all()?;
        // Opened before the rename takes its name away: after it, the old bytes have no other door.
        let old = OpenOptions::new().write(true).open(self.path());
        fs::rename(&unfinished, self.path())?;
        File::open(&self.folder)?.sync_all()?;
        // The new file holds from here on; what follows must not make the keys in it unusable.
        if let Err(error) = old.and_then(overwrite)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "the bytes of the former day keys can't be overwritten");
        }
        Ok(())
    }

    fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    fn failed(&self, source: io::Error) -> RegistryError {
        RegistryError::File { path: self.path(), source }
    }
}

fn overwrite(mut old: File) -> io::Result<()> {
    let bytes = usize::try_from(old.metadata()?.len()).unwrap_or(0);
    old.write_all(&vec![0; bytes])?;
    old.sync_data()
}

pub(crate) fn format(keys: &Keys) -> String {
    let mut lines: Vec<String> = keys.iter().map(|((site, day), key)| line(*site, *day, key)).collect();
    lines.sort();
    format!("{HEAD}\n{}", lines.concat())
}

fn line(site: SiteId, day: LocalDay, key: &Key) -> String {
    format!("{site} {day} {}\n", blake3::Hash::from_bytes(key.0).to_hex())
}

pub(crate) fn parse(text: &str) -> Option<Keys> {
    let lines = text.strip_prefix(HEAD)?.strip_prefix('\n')?;
    if !lines.is_empty() && !lines.ends_with('\n') {
        return None;
    }
    lines.lines().map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<((SiteId, LocalDay), Key)> {
    let mut words = line.split(' ');
    let (site, day, key) = (words.next()?, words.next()?, words.next()?);
    let key = Key(*blake3::Hash::from_hex(key).ok()?.as_bytes());
    let known = (SiteId(site.parse().ok()?), day.parse().ok()?);
    words.next().is_none().then_some((known, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(n: u32) -> Keys {
        (0..n).map(|i| ((SiteId(i), LocalDay(20_000)), Key([u8::try_from(i).expect("few"); 32]))).collect()
    }

    #[test]
    fn what_is_written_is_read_and_only_its_owner_may_read_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = KeyFile::new(dir.path());
        assert!(file.read().expect("no file, no keys").is_empty());
        for n in [3, 0, 2] {
            file.write(&keys(n)).expect("writes");
            assert!(file.read().expect("reads") == keys(n), "{n} keys");
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(dir.path().join(FILE)).expect("is there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn replaced_keys_are_overwritten_where_they_stood() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = KeyFile::new(dir.path());
        file.write(&keys(2)).expect("writes");
        // A second name for the old bytes, which the replacement takes the first name from.
        let old = dir.path().join("old");
        fs::hard_link(dir.path().join(FILE), &old).expect("links");
        file.write(&keys(1)).expect("writes");
        let left = fs::read(old).expect("reads");
        assert!(!left.is_empty() && left.iter().all(|byte| *byte == 0));
    }

    #[test]
    fn what_a_crash_left_unfinished_is_neither_read_nor_kept() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = KeyFile::new(dir.path());
        file.write(&keys(2)).expect("writes");
        let unfinished = dir.path().join(UNFINISHED);
        fs::write(&unfinished, "weir day keys 1\n1 2026").expect("writes");
        assert!(file.read().expect("reads") == keys(2));
        assert!(!unfinished.exists());
    }

    #[test]
    fn a_damaged_file_is_refused_and_left_as_it_is() {
        let dir = tempfile::tempdir().expect("a folder");
        let whole = format(&keys(1));
        for text in
            ["", "other\n", &whole[..whole.len() - 1], &whole.replace("00", "0g"), &whole.replace(' ', "")]
        {
            let path = dir.path().join(FILE);
            fs::write(&path, text).expect("writes");
            let error = KeyFile::new(dir.path()).read().err().expect("refused").to_string();
            assert!(error.contains("day-keys") && error.contains("damaged"), "{text:?}: {error}");
            assert_eq!(fs::read_to_string(&path).expect("reads"), *text);
        }
    }
}
