#include "services/contacts/service.h"

namespace mo::contacts {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

Reactor* Service::Register(Context* context, const v1::RegisterRequest* request,
                           v1::Registration* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return registrations_.Register(c, *request); });
}

Reactor* Service::GetRegistration(Context* context, const v1::GetRegistrationRequest* request,
                                  v1::Registration* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return registrations_.Get(c, *request); });
}

Reactor* Service::GetRegistrationVcard(Context* context,
                                       const v1::GetRegistrationVcardRequest* request,
                                       google::api::HttpBody* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return registrations_.Vcard(c, *request); });
}

Reactor* Service::GetRegistrationQr(Context* context, const v1::GetRegistrationQrRequest* request,
                                    google::api::HttpBody* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return registrations_.Qr(c, *request); });
}

Reactor* Service::GetContact(Context* context, const v1::GetContactRequest* request,
                             v1::Contact* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return contacts_.Get(c, *request); });
}

Reactor* Service::ListContacts(Context* context, const v1::ListContactsRequest* request,
                               v1::ListContactsResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return contacts_.List(c, *request); });
}

Reactor* Service::UpdateContact(Context* context, const v1::UpdateContactRequest* request,
                                v1::Contact* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return contacts_.Update(c, *request); });
}

Reactor* Service::StopContact(Context* context, const v1::StopContactRequest* request,
                              v1::Contact* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return contacts_.Stop(c, *request); });
}

Reactor* Service::CountContacts(Context* context, const v1::CountContactsRequest* request,
                                v1::CountContactsResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return contacts_.Count(c); });
}

Reactor* Service::RecordInbound(Context* context, const v1::RecordInboundRequest* request,
                                v1::RecordInboundResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return inbound_.Record(c, *request); });
}

Reactor* Service::ResolveContacts(Context* context, const v1::ResolveContactsRequest* request,
                                  v1::ResolveContactsResponse* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return contacts_.Resolve(c, *request); });
}

Reactor* Service::SetChannel(Context* context, const v1::SetChannelRequest* request,
                             google::protobuf::Empty* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return registrations_.SetChannel(c, *request); });
}

Reactor* Service::FindContact(Context* context, const v1::FindContactRequest* request,
                              v1::Contact* response) {
  return rpc_.Serve(context, request, response,
                    [=, this](const Caller& c) { return contacts_.Find(c, *request); });
}

}  // namespace mo::contacts
