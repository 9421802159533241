//! The wire in front of a world: query requests in, XML out, as EC2 speaks; and STS, SSM and the price list.
//!
//! ```text
//! connector (in the process)  ─┐                   ┌─ actions: name -> parameters, rate, answer
//! server (loopback HTTP/1.1)  ─┴─> answer ──form───┤    vpcs routes groups devices instances ..
//!                                                  └─ services: STS, SSM; price_list
//! ```
//!
//! The requests' region and service are read from the credential's scope; signatures are not
//! verified. Nothing that comes in makes it panic.

mod actions;
mod connector;
mod devices;
mod fleets;
mod form;
mod groups;
mod instances;
mod offers;
mod order;
mod price_list;
mod routes;
mod select;
mod server;
mod services;
mod spot;
mod status;
mod tags;
mod vpcs;
mod xml;

use actions::{Action, Call};
use form::Form;
use xml::Xml;

use super::scenario::Trouble;
use super::world::pace::{QUERY, UNPAGED};
use super::world::{CallSeen, Refusal, State, World};
use crate::fleet::PLACES;

pub use connector::connector;
pub use server::{Server, serve};

/// Whether anybody here answers to an action.
pub(super) fn is_action(name: &str) -> bool {
    const OF_OTHERS: [&str; 3] = ["GetCallerIdentity", "GetParameter", "GetProducts"];
    OF_OTHERS.contains(&name) || Action::named(name).is_some()
}

/// The services that are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    Ec2,
    Sts,
    Ssm,
    Pricing,
}

/// A request, as far as it matters.
#[derive(Debug, Clone, Default)]
struct Request {
    /// The header `Authorization`.
    authorization: String,
    /// The header `X-Amz-Target`.
    target: String,
    /// The body; of a GET, what follows the `?`.
    body: Vec<u8>,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    status: u16,
    content_type: &'static str,
    body: String,
    request_id: String,
    /// AWS's code, where it is a refusal.
    code: Option<String>,
}

impl Answer {
    fn xml(status: u16, body: String, request_id: &str) -> Self {
        let content_type = "text/xml;charset=UTF-8";
        Self { status, content_type, body, request_id: request_id.to_owned(), code: None }
    }
}

/// What comes back to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reply {
    /// An answer.
    Answer(Answer),
    /// The connection ends.
    Cut,
    /// Nothing, ever.
    Silence,
}

/// Who asks what where.
struct Asked {
    service: Service,
    region: String,
    action: String,
    form: Form,
}

impl Asked {
    fn read(request: &Request) -> Self {
        // Credential=KEY/20261120/us-west-2/ec2/aws4_request
        let scope = request.authorization.split("Credential=").nth(1).unwrap_or_default();
        let mut scope = scope.split([',', ' ']).next().unwrap_or_default().split('/').skip(2);
        let region = scope.next().unwrap_or_default().to_owned();
        let service = match scope.next() {
            Some("sts") => Service::Sts,
            Some("ssm") => Service::Ssm,
            Some("pricing") => Service::Pricing,
            _ => Service::Ec2,
        };
        let form = match service {
            Service::Ssm | Service::Pricing => Form::default(),
            Service::Ec2 | Service::Sts => Form::parse(&request.body),
        };
        let target = request.target.rsplit('.').next().unwrap_or_default();
        let action = form.get("Action").unwrap_or(target).to_owned();
        Self { service, region, action, form }
    }
}

/// Answers a request. Whatever it changes is changed when this returns; how long it takes and how
/// it gets back is the front's business.
fn answer(world: &World, request: &Request) -> Reply {
    let mut state = world.now();
    state.requests += 1;
    let request_id = format!("00000000-0000-4000-8000-{:012x}", state.requests);
    let asked = Asked::read(request);
    let trouble = state.trouble(&asked.action, &asked.region);
    let reply = match trouble {
        None => Reply::Answer(serve_call(&mut state, &asked, request, &request_id)),
        Some(trouble) => {
            if trouble.has_effect() {
                serve_call(&mut state, &asked, request, &request_id);
            }
            troubled(trouble, asked.service, &request_id)
        }
    };
    let (status, code) = match &reply {
        Reply::Answer(answer) => (answer.status, answer.code.clone()),
        Reply::Cut | Reply::Silence => (0, None),
    };
    let at = world.clock().now();
    state.remember(CallSeen { at, region: asked.region, action: asked.action, status, code });
    reply
}

fn serve_call(state: &mut State, asked: &Asked, request: &Request, request_id: &str) -> Answer {
    if request.authorization.is_empty() {
        let message = "Request is missing Authentication Token";
        let refusal = Refusal::with_status(403, "MissingAuthenticationToken", message);
        return refused(asked.service, &refusal, request_id);
    }
    let place = PLACES.iter().find(|place| place.code == asked.region);
    let open = place.is_some_and(|place| !place.opt_in || state.laws.opted_in.contains(place.code));
    if !open {
        let message = "AWS was not able to validate the provided access credentials";
        let refusal = Refusal::with_status(401, "AuthFailure", message);
        return refused(asked.service, &refusal, request_id);
    }
    match asked.service {
        Service::Sts => services::sts(&state.laws, &asked.form, request_id),
        Service::Ssm => services::ssm(&asked.region, &asked.action, &request.body, request_id),
        Service::Pricing => price_list::answer(state, &asked.action, &request.body, request_id),
        Service::Ec2 => match ec2(state, asked) {
            Ok(xml) => {
                let action = &asked.action;
                let body = format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{action}Response \
                     xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>{request_id}\
                     </requestId>{}</{action}Response>",
                    xml.into_text()
                );
                Answer::xml(200, body, request_id)
            }
            Err(refusal) => refused(Service::Ec2, &refusal, request_id),
        },
    }
}

/// The calls for which EC2 counts a question for everything at once apart.
const COUNTED_APART: [&str; 6] = [
    "DescribeInstances",
    "DescribeNetworkInterfaces",
    "DescribeSecurityGroups",
    "DescribeSpotInstanceRequests",
    "DescribeVolumes",
    "DescribeInstanceStatus",
];

fn ec2(state: &mut State, asked: &Asked) -> Result<Xml, Refusal> {
    let Some(action) = Action::named(&asked.action) else {
        let message = format!("The action {} is not valid for this web service.", asked.action);
        return Err(Refusal::new("InvalidAction", message));
    };
    let keys = state.keys.clone();
    let region = state.regions.get_mut(asked.region.as_str());
    let region = region.ok_or_else(|| Refusal::new("InvalidAction", "no such region"))?;
    let form = &asked.form;
    let mut call = Call { form, region, keys: keys.as_deref() };
    let whole = form.roots().all(|root| ["Action", "Version", "DryRun"].contains(&root));
    if whole && COUNTED_APART.contains(&action.name) {
        call.spend(&format!("{} of everything", action.name), UNPAGED, 1)?;
    } else {
        call.spend(action.name, action.rate, 1)?;
    }
    if let Some(stranger) = action.stranger(form) {
        let message = format!("The parameter {stranger} is not recognized");
        return Err(Refusal::new("UnknownParameter", message));
    }
    if form.flag("DryRun")? == Some(true) {
        // Done on a copy: everything is checked, and nothing stays.
        let mut copy = call.region.clone();
        copy.rehearsal = true;
        (action.answer)(&mut Call { form, region: &mut copy, keys: keys.as_deref() })?;
        let message = "Request would have succeeded, but DryRun flag is set.";
        return Err(Refusal::with_status(412, "DryRunOperation", message));
    }
    if action.rate == QUERY {
        return (action.answer)(&mut call);
    }
    // All or nothing: what is refused half-way leaves no trace.
    let mut copy = call.region.clone();
    let answered = (action.answer)(&mut Call { form, region: &mut copy, keys: keys.as_deref() });
    if answered.is_ok() {
        *call.region = copy;
    } else {
        call.region.hits = copy.hits;
    }
    answered
}

fn troubled(trouble: Trouble, service: Service, request_id: &str) -> Reply {
    match trouble {
        Trouble::Throttle => Reply::Answer(refused(service, &Refusal::throttled(), request_id)),
        Trouble::Error { status, code, message } => {
            let refusal = Refusal::with_status(status, code, message);
            Reply::Answer(refused(service, &refusal, request_id))
        }
        Trouble::SilenceBefore | Trouble::SilenceAfter => Reply::Silence,
        Trouble::CutBefore | Trouble::CutAfter => Reply::Cut,
        Trouble::Gateway => {
            let page = "<html><body><h1>502 Bad Gateway</h1></body></html>".to_owned();
            Reply::Answer(Answer {
                content_type: "text/html",
                ..Answer::xml(502, page, request_id)
            })
        }
        Trouble::GarbledAfter => {
            Reply::Answer(Answer::xml(200, "<Garbled><unclosed>".to_owned(), request_id))
        }
    }
}

fn refused(service: Service, refusal: &Refusal, request_id: &str) -> Answer {
    match service {
        Service::Sts => services::sts_refusal(refusal, request_id),
        Service::Ssm | Service::Pricing => services::ssm_refusal(refusal, request_id),
        Service::Ec2 => {
            let mut error = Xml::default();
            error.text("Code", &refusal.code).text("Message", &refusal.message);
            let body = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error>{}</Error>\
                 </Errors><RequestID>{request_id}</RequestID></Response>",
                error.into_text()
            );
            let code = Some(refusal.code.to_string());
            Answer { code, ..Answer::xml(refusal.status, body, request_id) }
        }
    }
}

#[cfg(test)]
mod tests;
