using System.Text.Json;

namespace GrainDb.Grains.Sagas.Participants;

/// <summary>Where the effect records of one step are: <c>effect/{saga}/{step}/do</c> and <c>…/undo</c>, beside the service's rows. Names have no slash, so nothing meets.</summary>
/// <param name="Rows">The service's keyspace.</param>
/// <param name="Saga">The saga.</param>
/// <param name="Step">The step.</param>
internal sealed record EffectKeys(KeyspaceRows Rows, string Saga, string Step)
{
    public string Do { get; } = $"effect/{Saga}/{Step}/do";

    public string Undo { get; } = $"effect/{Saga}/{Step}/undo";

    /// <summary>A record; null when there is none, or when it is not known.</summary>
    /// <exception cref="JsonException">It cannot be read.</exception>
    public EffectRecord? Find(KnownRows rows, string key)
    {
        if (rows.Find(key) is not { } row)
            return null;
        try
        {
            return EffectRecord.Decode(row.Value.Span);
        }
        catch (JsonException exception)
        {
            throw new JsonException($"{Rows.Name}/{key}: {exception.Message}", exception);
        }
    }
}
