#![doc = include_str!("../README.md")]

mod aside;
pub mod decode;
mod files;
pub mod http;
mod idle;
pub mod meter;
mod push;
mod run;
mod settings;
mod sink;
mod source;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod tokens;

pub use self::files::FileSource;
pub use aside::Unread;
pub use push::PushSource;
pub use run::{IngestError, Service, check};
pub use settings::{FileSettings, OrgSettings, Settings};
pub use sink::{Batch, Outlet, Sink, Ticket};
pub use source::{Coverage, Positions, Source, SourceError};
pub use tokens::Tokens;
