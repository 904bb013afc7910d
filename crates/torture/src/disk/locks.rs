//! Locks of a file and its shared memory, as SQLite's unix VFS keeps them within one process.

use rusqlite::ffi;

/// SQLite maps the index of a WAL in regions of this size.
pub(super) const REGION_BYTES: usize = 32 * 1024;

const SLOTS: usize = ffi::SQLITE_SHM_NLOCK as usize;

/// What all connections to a file hold together.
#[derive(Default)]
pub(super) struct FileLocks {
    level: i32,
    shared: u32,
}

impl FileLocks {
    /// Raises one connection's lock from `held`; what it holds then, and whether it got what it
    /// wanted.
    pub fn lock(&mut self, held: i32, wanted: i32) -> (i32, bool) {
        if held >= wanted {
            return (held, true);
        }
        let shared_wanted = wanted == ffi::SQLITE_LOCK_SHARED;
        if self.level != held && (self.level >= ffi::SQLITE_LOCK_PENDING || !shared_wanted) {
            return (held, false);
        }
        if shared_wanted {
            self.shared += 1;
            self.level = self.level.max(wanted);
            return (wanted, true);
        }
        if wanted == ffi::SQLITE_LOCK_EXCLUSIVE && self.shared > 1 {
            // No new readers from now on; the present ones go first.
            self.level = ffi::SQLITE_LOCK_PENDING;
            return (self.level, false);
        }
        self.level = wanted;
        (wanted, true)
    }

    /// Lowers a connection's lock from `held` to shared or none.
    pub fn unlock(&mut self, held: i32, to: i32) {
        if held > ffi::SQLITE_LOCK_SHARED {
            self.level = ffi::SQLITE_LOCK_SHARED;
        }
        if held > ffi::SQLITE_LOCK_NONE && to == ffi::SQLITE_LOCK_NONE {
            self.shared -= 1;
            if self.shared == 0 {
                self.level = ffi::SQLITE_LOCK_NONE;
            }
        }
    }

    pub fn is_reserved(&self) -> bool {
        self.level > ffi::SQLITE_LOCK_SHARED
    }
}

/// Memory that the connections to a file share: the index of its WAL. It does not outlive the last
/// of them, nor a power cut.
#[derive(Default)]
pub(super) struct Shm {
    regions: Vec<Box<[u64; REGION_BYTES / 8]>>,
    /// -1: one connection has it for itself; else by how many it is shared.
    slots: [i32; SLOTS],
    pub users: usize,
}

/// Which slots a connection holds.
#[derive(Default, Clone, Copy)]
pub(super) struct Held {
    shared: u32,
    exclusive: u32,
}

impl Shm {
    /// Where a region lies; it stays there while anybody uses the memory.
    pub fn region(&mut self, index: usize, extend: bool) -> Option<*mut u64> {
        while extend && self.regions.len() <= index {
            self.regions.push(Box::new([0; REGION_BYTES / 8]));
        }
        self.regions.get_mut(index).map(|region| region.as_mut_ptr())
    }

    /// False where another connection is in the way.
    pub fn lock(&mut self, held: &mut Held, first: usize, n: usize, exclusive: bool) -> bool {
        let range = first..(first + n).min(SLOTS);
        if exclusive {
            if range.clone().any(|slot| self.slots[slot] != 0) {
                return false;
            }
            for slot in range {
                self.slots[slot] = -1;
                held.exclusive |= 1 << slot;
            }
            return true;
        }
        if range.clone().any(|slot| self.slots[slot] < 0) {
            return false;
        }
        for slot in range {
            self.slots[slot] += i32::from(held.shared & 1 << slot == 0);
            held.shared |= 1 << slot;
        }
        true
    }

    pub fn unlock(&mut self, held: &mut Held, first: usize, n: usize) {
        for slot in first..(first + n).min(SLOTS) {
            if held.shared & 1 << slot != 0 {
                self.slots[slot] -= 1;
            }
            if held.exclusive & 1 << slot != 0 {
                self.slots[slot] = 0;
            }
            held.shared &= !(1 << slot);
            held.exclusive &= !(1 << slot);
        }
    }

    pub fn unlock_all(&mut self, held: &mut Held) {
        self.unlock(held, 0, SLOTS);
    }
}
