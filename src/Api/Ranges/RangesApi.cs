using System.Globalization;
using GrainDb.Api.Errors;
using GrainDb.Api.Keys;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace GrainDb.Api.Ranges;

/// <summary>A checkpoint of one range that was written.</summary>
/// <param name="Range">The range.</param>
public sealed record RangeCheckpointed(long Range);

/// <summary>Ranges: what they are, how they are, and their checkpoints.</summary>
internal sealed class RangesApi(IClusterView cluster)
{
    public async Task<Ok<RangeList>> ListAsync(HttpContext context)
    {
        var query = QueryParameters.Read(context, "keyspace", "unhealthy");
        var keyspace = query.Text("keyspace");
        if (keyspace is not null)
            KeyRequest.CheckKeyspace(keyspace);
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

    private static RangeId Parse(string id) => long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var value)
        ? new RangeId(value)
        : throw BadInput.Of(ErrorCode.RangeNotFound, $"There is no range '{QueryParameters.Shorten(id)}': a range is named by its number.");
}
