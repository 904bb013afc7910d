//! The table of functions that SQLite calls on an open file.
#![expect(unsafe_code, reason = "SQLite calls a VFS through pointers")]

use std::ffi::{c_int, c_void};
use std::sync::Arc;

use rusqlite::ffi;

use super::faults::{Failure, Op, code};
use super::locks::{Held, REGION_BYTES};
use super::sim_disk::SimDisk;
use super::state::State;

/// What the unix VFS tells.
const SECTOR_BYTES: c_int = 4096;

/// An open file as SQLite keeps it: its own head, then what is ours.
#[repr(C)]
pub(super) struct SimFile {
    head: ffi::sqlite3_file,
    handle: *mut Handle,
}

/// One opening of a file.
pub(super) struct Handle {
    file: u64,
    path: Arc<str>,
    /// The first sync syncs the folder as well.
    syncs_folder: bool,
    delete_on_close: bool,
    read_only: bool,
    level: c_int,
    shm: Option<Held>,
}

impl Handle {
    pub fn new(
        file: u64,
        path: Arc<str>,
        syncs_folder: bool,
        delete_on_close: bool,
        read_only: bool,
    ) -> Self {
        let level = ffi::SQLITE_LOCK_NONE;
        Self { file, path, syncs_folder, delete_on_close, read_only, level, shm: None }
    }

    /// Runs an operation unless it is to fail.
    fn run(&mut self, op: Op, work: impl FnOnce(&mut Self, &mut State) -> c_int) -> c_int {
        let disk = SimDisk::get();
        disk.pass_gates(&self.path, op);
        let mut state = disk.lock();
        match state.meet(&self.path, op) {
            Some(failure) => {
                if failure == Failure::SyncLost {
                    state.lose_unsynced(self.file);
                }
                code(failure, op)
            }
            None => work(self, &mut state),
        }
    }
}

impl SimFile {
    /// # Safety
    /// `file` has room for a `SimFile`.
    pub unsafe fn put(file: *mut ffi::sqlite3_file, handle: Handle) {
        let head = ffi::sqlite3_file { pMethods: &METHODS };
        let handle = Box::into_raw(Box::new(handle));
        // SAFETY: as the caller promises; `close` takes the box back.
        unsafe { file.cast::<Self>().write(Self { head, handle }) };
    }
}

/// # Safety
/// `file` was opened by this VFS and is not closed; SQLite uses a file from one thread at a time.
unsafe fn handle<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Handle {
    // SAFETY: as the caller promises.
    unsafe { &mut *(*file.cast::<SimFile>()).handle }
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

fn at(offset: ffi::sqlite3_int64) -> usize {
    usize::try_from(offset).unwrap_or(0)
}

fn length(n: c_int) -> usize {
    usize::try_from(n).unwrap_or(0)
}

// SAFETY, for all below: SQLite calls these with a file that `open` made and has not closed, from
// one thread at a time, with buffers of the sizes it names.

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: see above; nothing uses the file after this.
    let mut handle = unsafe { Box::from_raw((*file.cast::<SimFile>()).handle) };
    let mut state = SimDisk::get().lock();
    unmap(&mut handle, &mut state);
    state.file(handle.file).locks.unlock(handle.level, ffi::SQLITE_LOCK_NONE);
    if handle.delete_on_close && state.find(&handle.path) == Some(handle.file) {
        state.delete(&handle.path);
    }
    state.closed(handle.file);
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    into: *mut c_void,
    n: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: see above.
    let (handle, buffer) =
        unsafe { (handle(file), std::slice::from_raw_parts_mut(into.cast::<u8>(), length(n))) };
    let disk = SimDisk::get();
    disk.pass_gates(&handle.path, Op::Read);
    let mut state = disk.lock();
    let wanted = match state.meet(&handle.path, Op::Read) {
        Some(Failure::ShortRead) => buffer.len() / 2,
        Some(failure) => return code(failure, Op::Read),
        None => buffer.len(),
    };
    let there = state.file(handle.file).content.read(at(offset), &mut buffer[..wanted]);
    buffer[there..].fill(0);
    if there == buffer.len() { ffi::SQLITE_OK } else { ffi::SQLITE_IOERR_SHORT_READ }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    n: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: see above.
    let (handle, bytes) = unsafe { (handle(file), std::slice::from_raw_parts(from.cast::<u8>(), length(n))) };
    if handle.read_only {
        return ffi::SQLITE_READONLY;
    }
    let disk = SimDisk::get();
    disk.pass_gates(&handle.path, Op::Write);
    let mut state = disk.lock();
    match state.meet(&handle.path, Op::Write) {
        Some(failure) => {
            if failure == Failure::HalfWritten {
                state.write(handle.file, at(offset), &bytes[..bytes.len() / 2]);
            }
            code(failure, Op::Write)
        }
        None => {
            state.write(handle.file, at(offset), bytes);
            ffi::SQLITE_OK
        }
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, len: ffi::sqlite3_int64) -> c_int {
    // SAFETY: see above.
    unsafe { handle(file) }.run(Op::Truncate, |handle, state| {
        state.truncate(handle.file, at(len));
        ffi::SQLITE_OK
    })
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: see above.
    unsafe { handle(file) }.run(Op::Sync, |handle, state| {
        state.sync(handle.file);
        if std::mem::take(&mut handle.syncs_folder) {
            state.sync_folder_of(&handle.path);
        }
        ffi::SQLITE_OK
    })
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: see above.
    unsafe {
        let len = SimDisk::get().lock().file(handle(file).file).content.len();
        *size = ffi::sqlite3_int64::try_from(len).unwrap_or(ffi::sqlite3_int64::MAX);
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: see above.
    unsafe { handle(file) }.run(Op::Lock, |handle, state| {
        let (held, locked) = state.file(handle.file).locks.lock(handle.level, level);
        handle.level = held;
        if locked { ffi::SQLITE_OK } else { ffi::SQLITE_BUSY }
    })
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: see above.
    let handle = unsafe { handle(file) };
    if handle.level > level {
        SimDisk::get().lock().file(handle.file).locks.unlock(handle.level, level);
        handle.level = level;
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, reserved: *mut c_int) -> c_int {
    // SAFETY: see above.
    unsafe {
        let is_reserved = SimDisk::get().lock().file(handle(file).file).locks.is_reserved();
        *reserved = c_int::from(is_reserved);
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_control(_file: *mut ffi::sqlite3_file, _op: c_int, _arg: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_file: *mut ffi::sqlite3_file) -> c_int {
    SECTOR_BYTES
}

unsafe extern "C" fn device_characteristics(_file: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    bytes: c_int,
    extend: c_int,
    mapped: *mut *mut c_void,
) -> c_int {
    debug_assert_eq!(length(bytes), REGION_BYTES, "SQLite maps regions of one size");
    let work = |handle: &mut Handle, state: &mut State| {
        let shm = &mut state.file(handle.file).shm;
        if handle.shm.is_none() {
            handle.shm = Some(Held::default());
            shm.users += 1;
        }
        let found = shm.region(length(region), extend != 0);
        // SAFETY: see above. The region stays in its place until the last user has unmapped it.
        unsafe { *mapped = found.unwrap_or(std::ptr::null_mut()).cast() };
        ffi::SQLITE_OK
    };
    // SAFETY: see above.
    unsafe { handle(file) }.run(Op::Shm, work)
}

unsafe extern "C" fn shm_lock(file: *mut ffi::sqlite3_file, first: c_int, n: c_int, flags: c_int) -> c_int {
    // SAFETY: see above.
    let handle = unsafe { handle(file) };
    let mut state = SimDisk::get().lock();
    let Some(held) = &mut handle.shm else { return ffi::SQLITE_IOERR_SHMLOCK };
    let shm = &mut state.file(handle.file).shm;
    if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
        shm.unlock(held, length(first), length(n));
        return ffi::SQLITE_OK;
    }
    let exclusive = flags & ffi::SQLITE_SHM_EXCLUSIVE != 0;
    if shm.lock(held, length(first), length(n), exclusive) { ffi::SQLITE_OK } else { ffi::SQLITE_BUSY }
}

unsafe extern "C" fn shm_barrier(_file: *mut ffi::sqlite3_file) {
    // Taking the lock orders what this thread wrote before with what others read after.
    drop(SimDisk::get().lock());
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, _delete: c_int) -> c_int {
    // SAFETY: see above.
    unmap(unsafe { handle(file) }, &mut SimDisk::get().lock());
    ffi::SQLITE_OK
}

fn unmap(handle: &mut Handle, state: &mut State) {
    let Some(mut held) = handle.shm.take() else { return };
    let shm = &mut state.file(handle.file).shm;
    shm.unlock_all(&mut held);
    shm.users -= 1;
    if shm.users == 0 {
        *shm = Default::default();
    }
}
