using System.Text.Json.Serialization;

namespace GrainDb.Api.Orders;

/// <summary>The input of an order's saga as it is stored: always in the same form, so that the same order is the same bytes.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(OrderInput))]
internal sealed partial class OrderJson : JsonSerializerContext;
