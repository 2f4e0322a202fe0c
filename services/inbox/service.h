// inbox.v1.InboxService over gRPC.
#pragma once

#include "libs/runtime/rpc.h"
#include "messageorganizer/inbox/v1/inbox.grpc.pb.h"
#include "services/inbox/conversations.h"
#include "services/inbox/messages.h"

namespace mo::inbox {

// One line per RPC; the work is in Messages and Conversations.
class Service final : public v1::InboxService::CallbackService {
 public:
  Service(Rpc& rpc, Messages& messages, Conversations& conversations)
      : rpc_(rpc), messages_(messages), conversations_(conversations) {}

  grpc::ServerUnaryReactor* SendMessage(grpc::CallbackServerContext* context,
                                        const v1::SendMessageRequest* request,
                                        v1::Message* response) override;
  grpc::ServerUnaryReactor* GetMessage(grpc::CallbackServerContext* context,
                                       const v1::GetMessageRequest* request,
                                       v1::Message* response) override;
  grpc::ServerUnaryReactor* CancelMessage(grpc::CallbackServerContext* context,
                                          const v1::CancelMessageRequest* request,
                                          v1::Message* response) override;
  grpc::ServerUnaryReactor* ListConversations(grpc::CallbackServerContext* context,
                                              const v1::ListConversationsRequest* request,
                                              v1::ListConversationsResponse* response) override;
  grpc::ServerUnaryReactor* GetConversation(grpc::CallbackServerContext* context,
                                            const v1::GetConversationRequest* request,
                                            v1::Conversation* response) override;
  grpc::ServerUnaryReactor* ListTimeline(grpc::CallbackServerContext* context,
                                         const v1::ListTimelineRequest* request,
                                         v1::ListTimelineResponse* response) override;
  grpc::ServerUnaryReactor* MarkRead(grpc::CallbackServerContext* context,
                                     const v1::MarkReadRequest* request,
                                     v1::Conversation* response) override;
  grpc::ServerUnaryReactor* ListReceived(grpc::CallbackServerContext* context,
                                         const v1::ListReceivedRequest* request,
                                         v1::ListReceivedResponse* response) override;

 private:
  Rpc& rpc_;
  Messages& messages_;
  Conversations& conversations_;
};

}  // namespace mo::inbox
