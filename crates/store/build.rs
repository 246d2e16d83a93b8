//! Says what else than Rust code the crate is made from: without this, cargo misses a new migration.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
    println!("cargo::rerun-if-changed=../../.sqlx");
}
