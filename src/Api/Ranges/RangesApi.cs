using System.ComponentModel;
using System.Globalization;
using GrainDb.Api.Errors;
using GrainDb.Api.Keys;
using GrainDb.Api.Requests;
using GrainDb.Api.Ring;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace GrainDb.Api.Ranges;

/// <summary>A checkpoint of one range that was written.</summary>
/// <param name="Range">The range.</param>
public sealed record RangeCheckpointed(long Range);

/// <summary>The body of <c>POST /v1/ranges/{id}/transfer-leader</c>.</summary>
public sealed record TransferLeaderBody
{
    [Description("The node that is to lead; it must be live and hold a replica of the range.")]
    public string? Node { get; init; }

    /// <summary>The checked name.</summary>
    internal string Bind() => RingLimits.IsNodeName(Node)
        ? Node!
        : throw BadInput.Request($"The JSON body is wrong at $.node: it is '{QueryParameters.Shorten(Node ?? "null")}'; a node name is {RingLimits.NameRule}.");
}

/// <summary>A change of leadership that is under way.</summary>
/// <param name="Kind">Always <c>transferLeader</c>.</param>
/// <param name="State"><c>running</c>; <c>GET /v1/ranges/{id}</c> shows the leader that it leads to.</param>
/// <param name="Range">The range.</param>
/// <param name="Node">The node that is to lead.</param>
public sealed record LeaderTransfer(string Kind, string State, long Range, string Node);

/// <summary>A comparison of the replicas of an eventual partition that was taken up.</summary>
/// <param name="Kind">Always <c>repair</c>.</param>
/// <param name="State"><c>running</c>; <c>GET /v1/ranges/{id}</c> shows when the replicas last agreed.</param>
/// <param name="Range">The partition.</param>
public sealed record RangeRepair(string Kind, string State, long Range);

/// <summary>Ranges: what they are, how they are, and their checkpoints.</summary>
internal sealed class RangesApi(IClusterView cluster, IEventualStore eventual, ApiOptions options)
{
    public async Task<Ok<RangeList>> ListAsync(HttpContext context)
    {
        var query = QueryParameters.Read(context, "keyspace", "unhealthy");
        var keyspace = query.Text("keyspace");
        if (keyspace is not null)
            KeyAddress.CheckKeyspace(keyspace);
        using var deadline = Deadline.Start(context);
        var ranges = await cluster.GetRangesAsync(keyspace, query.Flag("unhealthy"), deadline.Token);
        return TypedResults.Ok(new RangeList([.. ranges.Select(RangeView.Of)]));
    }

    public async Task<Ok<RangeView>> GetAsync(string id, HttpContext context)
    {
        QueryParameters.Read(context);
        using var deadline = Deadline.Start(context);
        return TypedResults.Ok(RangeView.Of(await cluster.GetRangeAsync(Parse(id), deadline.Token)));
    }

    public async Task<Accepted<RangeCheckpointed>> CheckpointAsync(string id, HttpContext context)
    {
        QueryParameters.Read(context);
        using var deadline = Deadline.StartLong(context);
        var range = Parse(id);
        await cluster.CheckpointAsync(range, deadline.Token);
        return TypedResults.Accepted($"/v1/ranges/{range}", new RangeCheckpointed(range.Value));
    }

    public async Task<Accepted<LeaderTransfer>> TransferLeaderAsync(string id, HttpContext context)
    {
        QueryParameters.Read(context);
        var range = Parse(id);
        var node = (await JsonBody.ReadAsync(context, ApiJson.Default.TransferLeaderBody, options.MaxRequestBytes)).Bind();
        using var deadline = Deadline.Start(context);
        await cluster.TransferLeaderAsync(range, node, deadline.Token);
        return TypedResults.Accepted($"/v1/ranges/{range}", new LeaderTransfer("transferLeader", "running", range.Value, node));
    }

    public async Task<Accepted<RangeRepair>> RepairAsync(string id, HttpContext context)
    {
        QueryParameters.Read(context);
        var range = Parse(id);
        return await eventual.RepairAsync(range, KeyRequest.ReadTimeout(context.Request.Headers), context.RequestAborted) is { } failure
            ? throw new GrainDbException(failure)
            : TypedResults.Accepted($"/v1/ranges/{range}", new RangeRepair("repair", "running", range.Value));
    }

    private static RangeId Parse(string id) => long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var value)
        ? new RangeId(value)
        : throw BadInput.Of(ErrorCode.RangeNotFound, $"There is no range '{QueryParameters.Shorten(id)}': a range is named by its number.");
}
