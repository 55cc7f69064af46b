using System.Text.Json;
using GrainDb.Engine.Sagas;
using GrainDb.Grains.Meta;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Sagas;

namespace GrainDb.Grains.Sagas;

/// <summary>Lists sagas out of the index: bucket by bucket those that run and then those that have ended, so that one that ends in between is met at least once.</summary>
internal sealed class SagaList(IKeyValueStore keys)
{
    /// <summary>Most rows of the index that one page looks at, whatever its filter leaves of them.</summary>
    private const int MaxLookedAt = 5_000;

    private const int Parts = SagaKeys.Buckets * 2;

    public async Task<SagaPage> ListAsync(SagaQuery query, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (!SagaCursor.TryParse(query.Cursor, out var place) || place.Part >= Parts)
            return SagaPage.Failed(SagaCursor.Invalid);
        var wanted = query.Statuses.ToHashSet(StringComparer.Ordinal);
        if (wanted.FirstOrDefault(status => !Names.Contains(status)) is { } unknown)
            return SagaPage.Failed(Failure.NotApplied(ErrorCode.InvalidRequest, $"'{unknown}' is no status; there are {string.Join(", ", Names)}"));
        var found = new List<SagaSummary>();
        var lookedAt = 0;
        while (place.Part < Parts)
        {
            var hasEnded = place.Part % 2 == 1;
            if (wanted.Count > 0 && !wanted.Any(status => EndedNames.Contains(status) == hasEnded))
            {
                place = new SagaCursor(place.Part + 1, null);
                continue;
            }

            if (found.Count >= query.Limit || lookedAt >= MaxLookedAt)
                return new SagaPage { Items = found, Cursor = place.ToString() };
            var page = await ScanAsync(place, hasEnded, Math.Min(query.Limit - found.Count, MaxLookedAt - lookedAt), timeout, cancellationToken);
            if (page.Failure is { } failure)
                return SagaPage.Failed(SagaRows.NotThere(failure));
            lookedAt += Math.Max(page.Items.Count, 1);
            foreach (var item in page.Items)
            {
                if (Decode(item) is not { } row)
                    return SagaPage.Failed(Failure.NotApplied(ErrorCode.Internal, "a row of the index of sagas cannot be read by this version"));
                if (Matches(query, wanted, row))
                    found.Add(SagaViews.ToSummary(row));
            }

            place = page.ResumeKey is { } resume ? place with { Resume = resume } : new SagaCursor(place.Part + 1, null);
        }

        return new SagaPage { Items = found };
    }

    private static string[] Names { get; } = [.. Enum.GetValues<SagaStatus>().Select(SagaJson.NameOf)];

    private static string[] EndedNames { get; } = [.. new[] { SagaStatus.Completed, SagaStatus.Compensated, SagaStatus.ClosedManually }.Select(SagaJson.NameOf)];

    private static bool Matches(SagaQuery query, HashSet<string> wanted, SagaIndexRow row) =>
        (wanted.Count == 0 || wanted.Contains(SagaJson.NameOf(row.Status)))
        && (query.Definition is null || row.Definition == query.Definition)
        && (query.Step is null || row.Step == query.Step)
        && (query.StartedBefore is null || row.StartedAt < query.StartedBefore);

    private static SagaIndexRow? Decode(ScanItem item)
    {
        try
        {
            return SagaIndexRow.Decode(item.Value.Span);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private ValueTask<ScanResult> ScanAsync(SagaCursor place, bool hasEnded, int limit, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var prefix = SagaKeys.IndexOf(SagaKeys.BucketName(place.Part / 2), hasEnded);
        return keys.ScanAsync(
            SystemKeyspaces.Sagas,
            new ScanQuery(prefix, ScanQuery.EndOfPrefix(prefix), Timestamp.Zero, limit, Reverse: false, KeysOnly: false, place.Resume),
            default,
            timeout,
            cancellationToken);
    }
}
