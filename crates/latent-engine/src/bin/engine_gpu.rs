//! x
fn main() {
    latent_engine::start();
}
