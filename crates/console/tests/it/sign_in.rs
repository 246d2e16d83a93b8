//! Sign-in by OpenID Connect: with a real provider, and with one that forges.

mod fake;
mod forged;
mod real;
mod world;
