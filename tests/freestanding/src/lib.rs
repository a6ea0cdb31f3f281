//! The library in a program without a standard library.
#![no_std]

extern crate alloc;

use core::alloc::{GlobalAlloc, Layout};
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicUsize, Ordering};

use sip_proto::{Config, Endpoint, Flow, Input, Timestamp};

/// Hands out one megabyte, once.
struct Arena;

const SIZE: usize = 1 << 20;
static mut MEMORY: [u8; SIZE] = [0; SIZE];
static USED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every block is handed out once, aligned, and within the memory.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let size = layout.size() + layout.align();
        let at = USED.fetch_add(size, Ordering::Relaxed);
        if at + size > SIZE {
            return core::ptr::null_mut();
        }
        let base = &raw mut MEMORY as usize + at;
        ((base + layout.align() - 1) & !(layout.align() - 1)) as *mut u8
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: Arena = Arena;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

/// Answers one datagram; how many octets the answer has.
#[unsafe(no_mangle)]
pub extern "C" fn answer(datagram: *const u8, length: usize) -> usize {
    // SAFETY: the caller passes a readable range.
    let octets = unsafe { core::slice::from_raw_parts(datagram, length) };
    let Ok(config) = Config::new("sip:bob@192.0.2.4") else { return 0 };
    let mut sip: Endpoint = Endpoint::new(config, [0; 32]);
    let flow = Flow::udp(([192, 0, 2, 4], 5060).into(), ([192, 0, 2, 1], 5060).into());
    sip.handle_input(Timestamp::ZERO, Input::Datagram { flow, payload: octets.to_vec().into() });
    match sip.poll_output() {
        Some(sip_proto::Output::Transmit(transmit)) => transmit.payload.len(),
        _ => 0,
    }
}
