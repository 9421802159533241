//! What several stories need: one file a subject.

pub(crate) mod ansible;
pub(crate) mod cut;
pub(crate) mod demo_cloud;
pub(crate) mod eye;
pub(crate) mod journal;
pub(crate) mod keys;
pub(crate) mod machine;
pub(crate) mod moto;
pub(crate) mod nats;
pub(crate) mod orchestrator;
pub(crate) mod paper;
pub(crate) mod plain_ec2;
pub(crate) mod proxy;
pub(crate) mod root;
pub(crate) mod scene;
pub(crate) mod schema;
pub(crate) mod screen;
pub(crate) mod shell;
pub(crate) mod spot;
pub(crate) mod sshd;
pub(crate) mod stage;
pub(crate) mod strangers;
pub(crate) mod terminal;
pub(crate) mod trap;
pub(crate) mod vm;
