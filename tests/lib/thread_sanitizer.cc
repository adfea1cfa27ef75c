// What the thread sanitizer is told in every test program. Debian's gRPC, Abseil and protobuf are built
// without it: their locks and hand-overs are invisible, so what it says of their own memory means nothing.
// What is ours is watched on both sides of them.

// Called by the sanitizer before main().
extern "C" const char* __tsan_default_options() {
  // Memory and copies of libraries that it does not know.
  return "ignore_noninstrumented_modules=1:exitcode=66";
}

extern "C" const char* __tsan_default_suppressions() {
  // Templates and inline functions of their headers, instantiated here.
  return "race_top:^grpc::\n"
         "race_top:^google::protobuf::\n"
         "race_top:^absl::\n"
         "race_top:grpc::internal\n"
         "race_top:grpc_core\n";
}
