using System.Text.Json;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Grains.Sagas.Participants;

/// <summary>What a service would do, given the rows that it knows.</summary>
internal abstract record EffectPlan
{
    /// <summary>Carry it out.</summary>
    /// <param name="Checks">Everything on which it rests.</param>
    /// <param name="Writes">The business rows.</param>
    /// <param name="Output">What the saga is given.</param>
    public sealed record Carry(IReadOnlyList<TransactCheck> Checks, IReadOnlyList<TransactWrite> Writes, JsonElement Output) : EffectPlan;

    /// <summary>Refuse it for a reason of business.</summary>
    /// <param name="Checks">Everything on which it rests.</param>
    /// <param name="Reason">Why.</param>
    public sealed record Reject(IReadOnlyList<TransactCheck> Checks, string Reason) : EffectPlan;

    /// <summary>It cannot be told: the rows are not what they must be.</summary>
    /// <param name="Reason">Why.</param>
    public sealed record Broken(string Reason) : EffectPlan;
}

/// <summary>One step of a saga as its service sees it. Pure: the same rows give the same plan.</summary>
internal interface IEffect
{
    /// <summary>Rows without which nothing can be planned. Not those that everybody writes: to read them is to wait for who came before.</summary>
    IReadOnlyList<string> Needed { get; }

    /// <summary>All rows of which the checks of its plans say something.</summary>
    IReadOnlyList<string> Rows { get; }

    /// <summary>The way forward. Rows that are not known are taken to be as they should.</summary>
    EffectPlan Do(KnownRows rows);

    /// <summary>The way back: the semantic inverse, which adds and never restores.</summary>
    /// <param name="rows">All rows.</param>
    /// <param name="output">What the way forward gave.</param>
    EffectPlan Undo(KnownRows rows, JsonElement output);
}
