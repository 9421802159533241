//! What the real AWS answered (`tests/oracle/`, its README names the sources) held against both
//! sides of the wire: our client has to read it, and the demo cloud has to answer as it does.

mod client;
mod errors;
mod recordings;
mod refusals;
mod script;
mod shapes;
mod xml;
