//! The table of functions that SQLite calls to open, delete and look for files.
#![expect(unsafe_code, reason = "SQLite calls a VFS through pointers")]

use std::borrow::Cow;
use std::ffi::{CStr, c_char, c_int};
use std::mem::size_of;
use std::sync::Once;

use rusqlite::ffi;

use super::faults::{Failure, Op, code};
use super::io::{Handle, SimFile};
use super::sim_disk::SimDisk;

static REGISTERED: Once = Once::new();

/// Longer paths are refused by SQLite itself.
const PATH_BYTES_MAX: c_int = 1024;

/// Registers the disk as the default VFS. What is not overridden here (time, pauses, loading of
/// libraries) is done by the VFS that was the default before.
pub(super) fn register() {
    // SAFETY: the table that is found lives as long as the process, and so does the leaked copy.
    // The inherited functions do not look at the table they are called with.
    REGISTERED.call_once(|| unsafe {
        // Counting its memory costs SQLite a lock per allocation. It is too late for this where
        // SQLite is in use already, which is no matter.
        ffi::sqlite3_config(ffi::SQLITE_CONFIG_MEMSTATUS, 0);
        let found = ffi::sqlite3_vfs_find(std::ptr::null());
        assert!(!found.is_null(), "SQLite has a default VFS");
        let vfs = Box::leak(Box::new(*found));
        vfs.szOsFile = c_int::try_from(size_of::<SimFile>()).expect("a few words");
        vfs.mxPathname = PATH_BYTES_MAX;
        vfs.zName = c"torture-disk".as_ptr();
        vfs.pNext = std::ptr::null_mut();
        vfs.xOpen = Some(open);
        vfs.xDelete = Some(delete);
        vfs.xAccess = Some(access);
        vfs.xFullPathname = Some(full_pathname);
        vfs.xRandomness = Some(randomness);
        let registered = ffi::sqlite3_vfs_register(vfs, 1);
        assert_eq!(registered, ffi::SQLITE_OK, "SQLite takes the VFS");
    });
}

/// SQLite asks the VFS for new randomness when it next needs some.
pub(super) fn reset_randomness() {
    // SAFETY: SQLite documents that no bytes and no buffer reset its generator.
    unsafe { ffi::sqlite3_randomness(0, std::ptr::null_mut()) };
}

/// # Safety
/// `text` is null or a C string that lives as long as the answer is used.
unsafe fn path<'a>(text: *const c_char) -> Option<Cow<'a, str>> {
    // SAFETY: as the caller promises.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy())
}

unsafe extern "C" fn open(
    _vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives a C string or null.
    let path = unsafe { path(name) };
    match open_handle(path.as_deref(), flags) {
        Ok((handle, flags)) => {
            // SAFETY: SQLite gives room for `szOsFile` bytes, and a place for the flags or null.
            unsafe {
                SimFile::put(file, handle);
                if !flags_out.is_null() {
                    *flags_out = flags;
                }
            }
            ffi::SQLITE_OK
        }
        Err(code) => {
            // SAFETY: as above. Without methods SQLite does not close what was not opened.
            unsafe { (*file).pMethods = std::ptr::null() };
            code
        }
    }
}

fn open_handle(path: Option<&str>, mut flags: c_int) -> Result<(Handle, c_int), c_int> {
    let disk = SimDisk::get();
    disk.pass_gates(path.unwrap_or_default(), Op::Open);
    let mut state = disk.lock();
    let is_new_journal = flags & ffi::SQLITE_OPEN_CREATE != 0
        && flags & (ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL | ffi::SQLITE_OPEN_WAL)
            != 0;
    let found = path.and_then(|path| state.find(path));
    match path.and_then(|path| state.meet(path, Op::Open)) {
        // What is there opens for reading, as the unix VFS does when it may not write.
        Some(Failure::ReadOnly) if found.is_some() => {
            flags &= !(ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_CREATE);
            flags |= ffi::SQLITE_OPEN_READONLY;
        }
        Some(failure) => return Err(code(failure, Op::Open)),
        None => {}
    }
    let file = match found {
        Some(_) if flags & ffi::SQLITE_OPEN_EXCLUSIVE != 0 => return Err(ffi::SQLITE_CANTOPEN),
        Some(file) => file,
        None if path.is_some() && flags & ffi::SQLITE_OPEN_CREATE == 0 => return Err(ffi::SQLITE_CANTOPEN),
        None => state.create(path),
    };
    state.opened(file);
    let path = state.path_of(file);
    let delete_on_close = flags & ffi::SQLITE_OPEN_DELETEONCLOSE != 0;
    let read_only = flags & ffi::SQLITE_OPEN_READONLY != 0;
    Ok((Handle::new(file, path, is_new_journal, delete_on_close, read_only), flags))
}

unsafe extern "C" fn delete(_vfs: *mut ffi::sqlite3_vfs, name: *const c_char, sync_folder: c_int) -> c_int {
    // SAFETY: SQLite gives a C string.
    let Some(path) = (unsafe { path(name) }) else { return ffi::SQLITE_IOERR_DELETE };
    let disk = SimDisk::get();
    disk.pass_gates(&path, Op::Delete);
    let mut state = disk.lock();
    if let Some(failure) = state.meet(&path, Op::Delete) {
        return code(failure, Op::Delete);
    }
    if !state.delete(&path) {
        return ffi::SQLITE_IOERR_DELETE_NOENT;
    }
    if sync_folder != 0 {
        state.sync_folder_of(&path);
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn access(
    _vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    found: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives a C string and a place for the answer.
    unsafe {
        let Some(path) = path(name) else { return ffi::SQLITE_IOERR_ACCESS };
        let state = SimDisk::get().lock();
        // As the unix VFS, which takes an empty file for none when asked whether it exists.
        let counts = |file| flags != ffi::SQLITE_ACCESS_EXISTS || !state.is_empty(file);
        let there = state.find(&path).is_some_and(counts);
        *found = c_int::from(there);
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_pathname(
    _vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    bytes: c_int,
    into: *mut c_char,
) -> c_int {
    // SAFETY: SQLite gives a C string and room for so many bytes.
    unsafe {
        let Some(path) = path(name) else { return ffi::SQLITE_CANTOPEN };
        let full = if path.starts_with('/') { path.into_owned() } else { format!("/{path}") };
        if usize::try_from(bytes).unwrap_or(0) <= full.len() {
            return ffi::SQLITE_CANTOPEN;
        }
        std::ptr::copy_nonoverlapping(full.as_ptr().cast(), into, full.len());
        *into.add(full.len()) = 0;
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn randomness(_vfs: *mut ffi::sqlite3_vfs, bytes: c_int, into: *mut c_char) -> c_int {
    let n = usize::try_from(bytes).unwrap_or(0);
    // SAFETY: SQLite gives room for so many bytes.
    let buffer = unsafe { std::slice::from_raw_parts_mut(into.cast::<u8>(), n) };
    SimDisk::get().lock().fill_randomly(buffer);
    bytes
}
