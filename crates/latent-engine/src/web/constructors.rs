//! Static constructors, run once.
//!
//! The compiler of GPU kernels registers its operations in static constructors. Unless the program calls them, the linker
//! makes every export run all of them again whenever JavaScript calls it (see the documentation of the crate `inventory`):
//! ten milliseconds for each kernel that is launched.

/// Run them: before anything else.
#[expect(unsafe_code, reason = "the linker makes this function; Rust has no other name for it")]
pub fn run() {
    unsafe extern "C" {
        fn __wasm_call_ctors();
    }
    // SAFETY: it takes and returns nothing, and registering is all that these constructors do.
    unsafe { __wasm_call_ctors() }
}
