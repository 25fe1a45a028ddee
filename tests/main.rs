//! Checks of the source text. One binary: `cargo test --test source layers::` runs a part of it.

mod layers;
mod pairs;
mod source;
mod spins;
