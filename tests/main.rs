//! Checks on the text of the sources. One binary: `cargo test --test source layers::` runs a part of it.

mod layers;
mod pairs;
mod source;
