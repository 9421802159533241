//! A cloud that lives in the process: it answers on the wire, as AWS and its machines do. Nobody
//! but `main` and the tests knows that it exists.

pub mod hosts;
