//! An allocator that counts what is alive: in tables, which are large, and in what belongs to one call, which is small.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// Counts while it is told to: counters that two threads share would cost what they are to measure.
pub(crate) struct Counting;

/// What is this large or larger is a table.
const LARGE: usize = 64 << 10;

static IS_ON: AtomicBool = AtomicBool::new(false);
static SMALL: AtomicUsize = AtomicUsize::new(0);
static TABLES: AtomicUsize = AtomicUsize::new(0);

/// Bytes alive: in what belongs to one call, in tables.
pub(crate) fn live() -> (usize, usize) {
    (SMALL.load(Relaxed), TABLES.load(Relaxed))
}

/// Counts from here on. What was allocated before must not be freed any more.
pub(crate) fn count() {
    IS_ON.store(true, Relaxed);
}

fn counter(size: usize) -> &'static AtomicUsize {
    if size < LARGE { &SMALL } else { &TABLES }
}

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if IS_ON.load(Relaxed) {
            counter(layout.size()).fetch_add(layout.size(), Relaxed);
        }
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if IS_ON.load(Relaxed) {
            counter(layout.size()).fetch_sub(layout.size(), Relaxed);
        }
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if IS_ON.load(Relaxed) {
            counter(layout.size()).fetch_sub(layout.size(), Relaxed);
            counter(size).fetch_add(size, Relaxed);
        }
        unsafe { System.realloc(pointer, layout, size) }
    }
}
