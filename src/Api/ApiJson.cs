using System.Text.Json.Serialization;
using GrainDb.Api.Conflicts;
using GrainDb.Api.Crdts;
using GrainDb.Api.Keys;
using GrainDb.Api.Keyspaces;
using GrainDb.Api.Orders;
using GrainDb.Api.Ranges;
using GrainDb.Api.Ring;
using GrainDb.Api.Sagas;
using GrainDb.Api.Transactions;

namespace GrainDb.Api;

/// <summary>
/// How request bodies are read: camelCase, and strictly: an unknown or repeated member is an error, because what it was meant
/// to say would be lost otherwise.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false)]
[JsonSerializable(typeof(BatchBody))]
[JsonSerializable(typeof(KeyspaceBody))]
[JsonSerializable(typeof(RingPlanBody))]
[JsonSerializable(typeof(TransferLeaderBody))]
[JsonSerializable(typeof(TransactionBody))]
[JsonSerializable(typeof(TransactBody))]
[JsonSerializable(typeof(OrderBody))]
[JsonSerializable(typeof(ArticleBody))]
[JsonSerializable(typeof(AccountBody))]
[JsonSerializable(typeof(EmptyBody))]
[JsonSerializable(typeof(CrdtBody))]
[JsonSerializable(typeof(ResolveBody))]
[JsonSerializable(typeof(SagaStartBody))]
[JsonSerializable(typeof(SagaActionBody))]
internal sealed partial class ApiJson : JsonSerializerContext;
