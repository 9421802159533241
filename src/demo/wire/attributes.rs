//! What can be changed of an instance that is there.

use super::call::Call;
use super::xml::Xml;
use crate::demo::world::Refusal;
use crate::fleet::Ec2State;

/// ModifyInstanceAttribute: user-data, and what becomes of its volumes. The type of a spot instance
/// cannot be changed (seen: cloud-custodian#2083).
pub(super) fn modify(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let id = call.form.need("InstanceId")?;
    let Some(instance) = call.region.instances.get_mut(id) else {
        return Err(Refusal::no_such("InvalidInstanceID.NotFound", "instance ID", id));
    };
    let is_stopped = instance.state == Ec2State::Stopped;
    if call.form.get("InstanceType.Value").is_some() {
        let message = "Modifying 'instanceType' is not supported for spot instances";
        return Err(Refusal::new("UnsupportedOperation", message));
    }
    if let Some(user_data) = call.form.get("UserData.Value") {
        if !is_stopped {
            let message = format!("The instance '{id}' is not in the 'stopped' state.");
            return Err(Refusal::new("IncorrectInstanceState", message));
        }
        user_data.clone_into(&mut instance.user_data);
    }
    for item in call.form.items("BlockDeviceMapping") {
        // An omitted value means true (EC2 API reference, EbsInstanceBlockDeviceSpecification).
        let deletes = item.flag("Ebs.DeleteOnTermination")?.unwrap_or(true);
        call.region.keep_on_termination(id, item.need("DeviceName")?, deletes)?;
    }
    Ok(Xml::done())
}

/// DescribeInstanceAttribute, of user-data and the root's device.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let id = call.form.need("InstanceId")?;
    let Some(instance) = call.region.instances.get(id) else {
        return Err(Refusal::no_such("InvalidInstanceID.NotFound", "instance ID", id));
    };
    let mut xml = Xml::default();
    xml.text("instanceId", id);
    match call.form.need("Attribute")? {
        "userData" => xml.group("userData", |it| {
            it.maybe("value", Some(&instance.user_data).filter(|text| !text.is_empty()));
        }),
        "rootDeviceName" => xml.group("rootDeviceName", |it| {
            it.text("value", &instance.root_device);
        }),
        other => {
            return Err(Refusal::value(format!("Invalid value '{other}' for attribute.")));
        }
    };
    Ok(xml)
}
