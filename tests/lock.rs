//! The lock between machines: two programs that share no file launch for one deployment, on the demo
//! cloud and its paused clock, and as processes against moto. One is killed, or ends, or sleeps; never
//! are more alive than wanted, and at the end it is exactly those.

mod histories;
mod line;
mod processes;
mod town;
mod turns;
