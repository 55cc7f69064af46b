using GrainDb.Api.Errors;
using GrainDb.Api.Keys;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ring;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace GrainDb.Api.Ring;

/// <summary>All nodes by name.</summary>
/// <param name="Nodes">The nodes.</param>
public sealed record NodeList(IReadOnlyList<NodeView> Nodes);

/// <summary>The ring, its what-if plans, and the nodes on it.</summary>
internal sealed class RingApi(IClusterView cluster, ApiOptions options)
{
    public async Task<Ok<RingView>> GetRingAsync(HttpContext context)
    {
        QueryParameters.Read(context);
        using var deadline = Deadline.Start(context);
        return TypedResults.Ok(await cluster.GetRingAsync(deadline.Token));
    }

    public async Task<Ok<KeyLocationView>> LocateAsync(HttpContext context)
    {
        var query = QueryParameters.Read(context, "keyspace", "key", KeyRequest.Key64Parameter, "replicas");
        var keyspace = KeyAddress.CheckKeyspace(query.Required("keyspace"));
        var key = query.Bytes("key", KeyRequest.Key64Parameter) ?? throw BadInput.Request("The query parameter 'key' (or 'key64') is missing.");
        if (KeyDecoder.CheckLength(key) is { } failure)
            throw new GrainDbException(failure);
        var replicas = query.Integer("replicas", RingLimits.DefaultReplicas, 1, RingLimits.MaxReplicas);
        using var deadline = Deadline.Start(context);
        return TypedResults.Ok(await cluster.LocateAsync(keyspace, key, replicas, deadline.Token));
    }

    public async Task<Ok<RingDistributionView>> GetDistributionAsync(HttpContext context)
    {
        var query = QueryParameters.Read(context, "keys", "replicas");
        var keys = query.Integer("keys", RingLimits.DefaultSampleKeys, 1, RingLimits.MaxSampleKeys);
        var replicas = query.Integer("replicas", RingLimits.DefaultReplicas, 1, RingLimits.MaxReplicas);
        using var deadline = Deadline.Start(context);
        return TypedResults.Ok(await cluster.GetDistributionAsync(keys, replicas, deadline.Token));
    }

    public async Task<Ok<RingPlanView>> PlanAsync(HttpContext context)
    {
        QueryParameters.Read(context);
        var body = await JsonBody.ReadAsync(context, ApiJson.Default.RingPlanBody, options.MaxRequestBytes);
        using var deadline = Deadline.Start(context);
        return TypedResults.Ok(await cluster.PlanAsync(body.Bind(), deadline.Token));
    }

    public async Task<Ok<NodeList>> GetNodesAsync(HttpContext context)
    {
        QueryParameters.Read(context);
        using var deadline = Deadline.Start(context);
        return TypedResults.Ok(new NodeList(await cluster.GetNodesAsync(deadline.Token)));
    }

    public async Task<Ok<NodeView>> GetNodeAsync(string name, HttpContext context)
    {
        QueryParameters.Read(context);
        using var deadline = Deadline.Start(context);
        var node = (await cluster.GetNodesAsync(deadline.Token)).FirstOrDefault(node => node.Name == name);
        return node is null
            ? throw BadInput.Of(ErrorCode.NodeNotFound, $"There is no node '{QueryParameters.Shorten(name)}'.")
            : TypedResults.Ok(node);
    }
}
