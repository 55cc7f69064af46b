using System.Text.Json;
using GrainDb.Api.Keys;
using GrainDb.Api.OpenApi;
using Microsoft.AspNetCore.Builder;

namespace GrainDb.Api.Eventual;

/// <summary>What a data type holds.</summary>
/// <param name="Type">counter, orset, lwwmap or register.</param>
/// <param name="Value">Of a counter a number, of a set a list, of a map an object, of a register what was set.</param>
/// <param name="Context">What has been seen of the key now.</param>
public sealed record CrdtView(string Type, JsonElement Value, string Context);

/// <summary>What the OpenAPI document says of routes of eventual keyspaces.</summary>
internal static class EventualDocs
{
    public const string ReadLevels = "On eventual keyspaces one, quorum (default), all or r=n: so many replicas have answered, and above one hold what is answered.";
    public const string WriteLevels = "On eventual keyspaces one, quorum (default), all or w=n: durable on so many replicas.";
    public const string ContextText = "On eventual keyspaces: what the writer has seen of the key, as an answer gave it. What it saw is superseded; what it did not see stays beside the new value.";
    public const string ContextAnswer = "On eventual keyspaces: what has been seen of the key now, for the next write. Also with 404 for a key that was deleted.";

    public static IEndpointConventionBuilder WithEventualParameters(this IEndpointConventionBuilder builder, bool write)
    {
        builder
            .WithQuery(Consistency.Parameter, "The same as GrainDb-Consistency.")
            .WithHeader(Consistency.Header, write ? WriteLevels : ReadLevels)
            .WithHeader(KeyRequest.TimeoutHeader, "Budget of the operation: 500ms, 2s; 10s by default, 60s at most.");
        return write ? builder.WithHeader(KeyRequest.ContextHeader, ContextText) : builder;
    }

    public static IEndpointConventionBuilder WithEventualHeaders(this IEndpointConventionBuilder builder, bool write)
    {
        builder
            .WithResponseHeader(KeyRequest.ContextHeader, ContextAnswer)
            .WithResponseHeader(KeyHeaders.ServedBy, "region=eu, range=17, node=node2, role=coordinator.")
            .WithResponseHeader(KeyHeaders.Replicas, "What each replica had said: node1=ok, node2=hinted, node3=timeout; or error, pending, needsRepair.");
        return write ? builder.WithResponseHeader(KeyHeaders.CommitTimestamp, "The version, 16 hex digits.") : builder;
    }
}
