//! Messages that cannot be used end in the dead stream, and the rest goes on.
