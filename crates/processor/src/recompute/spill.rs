//! Records that are too many for the memory, shared out over parts of a temporary file.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A file without a name, gone with the process however it ends. Written once, then read part by
/// part.
pub(super) struct Spill {
    file: File,
    parts: Vec<Pieces>,
    /// Where the file ends.
    end: u64,
    piece: Vec<u8>,
}

/// A part: pieces in the file, and the one that is being filled.
#[derive(Default)]
struct Pieces {
    written: Vec<(u64, usize)>,
    filling: Vec<u8>,
    records: usize,
}

/// A piece is written once it is as long as this: all of them together stay small.
const PIECE_BYTES: usize = 16 * 1024;

/// How many parts records are shared out over.
pub(super) const PARTS: usize = 128;

impl Spill {
    pub fn new(folder: &Path) -> io::Result<Self> {
        let parts = std::iter::repeat_with(Pieces::default).take(PARTS).collect();
        Ok(Self { file: tempfile::tempfile_in(folder)?, parts, end: 0, piece: Vec::new() })
    }

    /// Adds a record to the part that `hash` says.
    pub fn put(&mut self, hash: u64, record: &impl Serialize) -> io::Result<()> {
        let part = &mut self.parts[(hash % PARTS as u64) as usize];
        part.filling =
            postcard::to_extend(record, std::mem::take(&mut part.filling)).map_err(io::Error::other)?;
        part.records += 1;
        if part.filling.len() >= PIECE_BYTES {
            self.file.write_all_at(&part.filling, self.end)?;
            part.written.push((self.end, part.filling.len()));
            self.end += part.filling.len() as u64;
            part.filling.clear();
        }
        Ok(())
    }

    pub fn records(&self, part: usize) -> usize {
        self.parts[part].records
    }

    /// Reads a part's records, in the order in which they were put, and forgets them.
    pub fn take<T: DeserializeOwned>(
        &mut self,
        part: usize,
        each: &mut dyn FnMut(T) -> io::Result<()>,
    ) -> io::Result<()> {
        let Pieces { written, filling, .. } = std::mem::take(&mut self.parts[part]);
        for (at, bytes) in written {
            self.piece.resize(bytes, 0);
            self.file.read_exact_at(&mut self.piece, at)?;
            each_record(&self.piece, each)?;
        }
        each_record(&filling, each)
    }
}

fn each_record<T: DeserializeOwned>(
    mut bytes: &[u8],
    each: &mut dyn FnMut(T) -> io::Result<()>,
) -> io::Result<()> {
    while !bytes.is_empty() {
        let (record, rest) = postcard::take_from_bytes(bytes).map_err(io::Error::other)?;
        each(record)?;
        bytes = rest;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_comes_back_from_its_part_in_its_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut spill = Spill::new(folder.path()).expect("a file");
        let records = 200_000_u64;
        // Some pieces are on disk and some are not; most parts stay empty.
        (0..records).for_each(|n| spill.put(n % 7, &(n, n * n)).expect("written"));
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "it has no name");
        for part in 0..PARTS {
            let expected: Vec<u64> = (0..records).filter(|n| n % 7 == part as u64).collect();
            assert_eq!(spill.records(part), expected.len());
            let mut found = Vec::new();
            let taken = spill.take(part, &mut |(n, square): (u64, u64)| {
                assert_eq!(square, n * n);
                found.push(n);
                Ok(())
            });
            taken.expect("read");
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        assert!(Spill::new(Path::new("/nonexistent")).is_err());
    }
}
