//! Makes cargo rebuild the crate when a migration or a prepared query changes, which it embeds.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
    println!("cargo::rerun-if-changed=../../.sqlx");
}
