//! What was freed goes back to the system.
#![expect(unsafe_code, reason = "the C library alone can be asked for it, and nothing safe asks it")]

/// The C library keeps what was freed for the next that asks, for ever where anything newer is still in
/// use. Takes milliseconds, in which whoever allocates waits: for when nothing is to be done.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(super) fn give_back() {
    // SAFETY: it takes the locks of all arenas and touches only what is free.
    let _ = unsafe { libc::malloc_trim(0) };
}

/// Other C libraries give back as they go, or can't be asked.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) fn give_back() {}
