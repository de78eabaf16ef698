//! What families are made of: networks, distributions, and the machinery of variational autoencoders.

pub mod autoencoder;
pub mod likelihood;
pub mod networks;
pub mod spectrum;
pub mod variational;
