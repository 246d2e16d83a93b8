//! Every orgwatch service and operation.

fn main() {}
