//! The sections `bacalhau`, `sensor`, `node` and `hooks`: what runs on an instance.

use std::path::PathBuf;

use super::complaint::ComplaintSink;
use super::fields::Fields;
use super::keys::Section;
use super::schema::{Bacalhau, Hooks, NodeExtras, Sensor};
use super::shapes;
use super::tree::Node;
use super::values::{ValueResult, path, text};

/// Reads the section `bacalhau`.
pub(super) fn bacalhau(node: Option<&Node>, sink: &mut ComplaintSink) -> Bacalhau {
    let mut fields = Fields::of(node, Section::Bacalhau, "in 'bacalhau'", sink);
    let bacalhau = Bacalhau {
        api: fields.read("api", sink, api).given(),
        api_key_file: fields.read("api_key_file", sink, path).given(),
        image: fields.read("image", sink, image).given(),
    };
    fields.finish(sink);
    bacalhau
}

/// Reads the section `sensor`.
pub(super) fn sensor(node: Option<&Node>, sink: &mut ComplaintSink) -> Sensor {
    let mut fields = Fields::of(node, Section::Sensor, "in 'sensor'", sink);
    let sensor = Sensor { image: fields.read("image", sink, image).given() };
    fields.finish(sink);
    sensor
}

/// Reads the section `node`.
pub(super) fn node(node: Option<&Node>, sink: &mut ComplaintSink) -> NodeExtras {
    let mut fields = Fields::of(node, Section::Node, "in 'node'", sink);
    let extras = NodeExtras {
        packages: fields.read_list("packages", sink, package).given().unwrap_or_default(),
        units: fields.read_list("units", sink, unit).given().unwrap_or_default(),
        cloud_init: fields.read("cloud_init", sink, path).given(),
    };
    fields.finish(sink);
    extras
}

/// Reads the section `hooks`.
pub(super) fn hooks(node: Option<&Node>, sink: &mut ComplaintSink) -> Hooks {
    let mut fields = Fields::of(node, Section::Hooks, "in 'hooks'", sink);
    let hooks = Hooks {
        interrupted: fields.read("interrupted", sink, hook).given(),
        destroy: fields.read("destroy", sink, hook).given(),
        stop: fields.read("stop", sink, hook).given(),
        ready: fields.read("ready", sink, hook).given(),
    };
    fields.finish(sink);
    hooks
}

fn hook(node: &Node) -> ValueResult<String> {
    let right = "a command for the shell on the node, on one line";
    let is_line = |text: &str| !text.trim().is_empty() && !text.contains(char::is_control);
    text(node, right, is_line).map(str::to_owned)
}

fn api(node: &Node) -> ValueResult<String> {
    let right = "the address of the orchestrator's API such as https://orchestrator.example.com";
    text(node, right, |text| shapes::is_url(text) && !text.contains('@')).map(str::to_owned)
}

fn image(node: &Node) -> ValueResult<String> {
    let right = "a container image with its version, such as ghcr.io/owner/name:v1.2.3";
    text(node, right, shapes::is_pinned_image).map(str::to_owned)
}

fn package(node: &Node) -> ValueResult<String> {
    text(node, "the name of a Debian package", shapes::is_package).map(str::to_owned)
}

fn unit(node: &Node) -> ValueResult<PathBuf> {
    let right = "the path of a systemd unit whose name ends with .service, .timer, .path or .mount";
    text(node, right, shapes::is_unit).map(PathBuf::from)
}
