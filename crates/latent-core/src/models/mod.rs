//! The model families. A new one is one file here and one line in [`FAMILIES`].

mod autoencoder;
mod beta_vae;
mod conditional_vae;
mod gaussian_vae;
mod linear_autoencoder;
mod linear_vae;
mod mcem_vae;
pub(crate) mod parts;
mod pca;
mod ppca;
mod vae;
mod wake_sleep_vae;

use crate::CoreError;
use crate::family::Family;

/// All families, in menu order.
pub static FAMILIES: &[Family] = &[
    vae::FAMILY,
    pca::FAMILY,
    ppca::FAMILY,
    linear_autoencoder::FAMILY,
    autoencoder::FAMILY,
    linear_vae::FAMILY,
    gaussian_vae::FAMILY,
    beta_vae::FAMILY,
    conditional_vae::FAMILY,
    wake_sleep_vae::FAMILY,
    mcem_vae::FAMILY,
];

/// The family with this id.
///
/// # Errors
/// When there is none.
pub fn family(id: &str) -> Result<&'static Family, CoreError> {
    let found = FAMILIES.iter().find(|family| family.card.id == id);
    found.ok_or_else(|| CoreError::UnknownFamily(id.chars().take(40).collect()))
}
