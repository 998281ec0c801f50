//! Memory that was freed goes back to the system.

/// Gives freed memory back to the system, where the allocator keeps it.
///
/// What is freed between things that stay is kept by glibc for the next who asks: a process that put a
/// million closed items on the disk still held two kilobytes for each (`docs/benchmarks.md`, pods).
/// It looks through all free memory, so it is for those who freed much at once.
pub fn give_back_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "glibc's allocator has no safe interface")]
    // SAFETY: malloc_trim takes a number, may be called from any thread at any time, and touches only
    // memory that nobody holds.
    unsafe {
        libc::malloc_trim(0);
    }
}
