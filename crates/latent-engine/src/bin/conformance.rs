//! The conformance checks on WebGPU, for the browser tests.

fn main() {
    #[cfg(target_family = "wasm")]
    latent_engine::conformance();
}
