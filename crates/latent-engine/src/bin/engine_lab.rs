//! The laboratory: experiments on a model, beside the engine that shows it.

fn main() {
    #[cfg(target_family = "wasm")]
    latent_engine::start_laboratory();
}
