//! The engine on WebGPU.

fn main() {
    #[cfg(target_family = "wasm")]
    latent_engine::start();
}
