//! The engine on the CPU: small, so that the page can be used at once.

fn main() {
    #[cfg(target_family = "wasm")]
    latent_engine::start();
}
