// contacts.v1.ContactService over gRPC.
#pragma once

#include "libs/runtime/rpc.h"
#include "messageorganizer/contacts/v1/contacts.grpc.pb.h"
#include "services/contacts/contacts.h"
#include "services/contacts/inbound.h"
#include "services/contacts/registrations.h"

namespace mo::contacts {

// One line per RPC; the work is in Registrations, Contacts and Inbound.
class Service final : public v1::ContactService::CallbackService {
 public:
  Service(Rpc& rpc, Registrations& registrations, Contacts& contacts, Inbound& inbound)
      : rpc_(rpc), registrations_(registrations), contacts_(contacts), inbound_(inbound) {}

  grpc::ServerUnaryReactor* Register(grpc::CallbackServerContext* context,
                                     const v1::RegisterRequest* request,
                                     v1::Registration* response) override;
  grpc::ServerUnaryReactor* GetRegistration(grpc::CallbackServerContext* context,
                                            const v1::GetRegistrationRequest* request,
                                            v1::Registration* response) override;
  grpc::ServerUnaryReactor* GetRegistrationVcard(grpc::CallbackServerContext* context,
                                                 const v1::GetRegistrationVcardRequest* request,
                                                 google::api::HttpBody* response) override;
  grpc::ServerUnaryReactor* GetRegistrationQr(grpc::CallbackServerContext* context,
                                              const v1::GetRegistrationQrRequest* request,
                                              google::api::HttpBody* response) override;
  grpc::ServerUnaryReactor* GetContact(grpc::CallbackServerContext* context,
                                       const v1::GetContactRequest* request,
                                       v1::Contact* response) override;
  grpc::ServerUnaryReactor* ListContacts(grpc::CallbackServerContext* context,
                                         const v1::ListContactsRequest* request,
                                         v1::ListContactsResponse* response) override;
  grpc::ServerUnaryReactor* UpdateContact(grpc::CallbackServerContext* context,
                                          const v1::UpdateContactRequest* request,
                                          v1::Contact* response) override;
  grpc::ServerUnaryReactor* StopContact(grpc::CallbackServerContext* context,
                                        const v1::StopContactRequest* request,
                                        v1::Contact* response) override;
  grpc::ServerUnaryReactor* CountContacts(grpc::CallbackServerContext* context,
                                          const v1::CountContactsRequest* request,
                                          v1::CountContactsResponse* response) override;
  grpc::ServerUnaryReactor* RecordInbound(grpc::CallbackServerContext* context,
                                          const v1::RecordInboundRequest* request,
                                          v1::RecordInboundResponse* response) override;
  grpc::ServerUnaryReactor* ResolveContacts(grpc::CallbackServerContext* context,
                                            const v1::ResolveContactsRequest* request,
                                            v1::ResolveContactsResponse* response) override;
  grpc::ServerUnaryReactor* SetChannel(grpc::CallbackServerContext* context,
                                       const v1::SetChannelRequest* request,
                                       google::protobuf::Empty* response) override;
  grpc::ServerUnaryReactor* FindContact(grpc::CallbackServerContext* context,
                                        const v1::FindContactRequest* request,
                                        v1::Contact* response) override;

 private:
  Rpc& rpc_;
  Registrations& registrations_;
  Contacts& contacts_;
  Inbound& inbound_;
};

}  // namespace mo::contacts
