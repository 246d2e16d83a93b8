//! Protobuf messages, generated from `proto/orgwatch/v1` by `cargo xtask codegen`.

#[expect(missing_docs, reason = "fields without a comment in proto/ are documented on the type of the same name")]
mod generated {
    include!("wire/orgwatch.v1.rs");
}

pub use generated::*;
