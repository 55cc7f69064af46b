namespace GrainDb.Engine.Eventual;

/// <summary>
/// Deliberate errors. Production code never sets one: each is a branch that a test takes to prove that its checkers notice.
/// </summary>
[Flags]
internal enum EventualFaults
{
    None = 0,

    /// <summary>A write is acknowledged before it is durable.</summary>
    AckBeforeSync = 1 << 0,

    /// <summary>A dot's counter is the number of the key's writes here rather than the log's position: a key that was forgotten begins again.</summary>
    CounterPerKey = 1 << 1,

    /// <summary>A replica that lost its disk begins again as if nothing had been there.</summary>
    ForgetLostDisk = 1 << 2,

    /// <summary>A hint is acknowledged and not kept.</summary>
    DropHint = 1 << 3,

    /// <summary>A put that got no answer is sent to another replica, which mints a dot of its own.</summary>
    MintTwice = 1 << 4,

    /// <summary>Tombstones go with the first round that reached anybody.</summary>
    CollectEarly = 1 << 5,

    /// <summary>States are taken whatever their epoch.</summary>
    IgnoreEpoch = 1 << 6,

    /// <summary>An exchange only fetches.</summary>
    RepairOneWay = 1 << 7,

    /// <summary>While a partition moves the levels are met among the members before only.</summary>
    SingleSet = 1 << 8,

    /// <summary>A read does not wait until what it returns is at its level.</summary>
    NoReadRepair = 1 << 9,

    /// <summary>A replica that may lack what it acknowledged counts for reads.</summary>
    CountUnrepaired = 1 << 10,

    /// <summary>A read asks one replica fewer than its level.</summary>
    ReadOneLess = 1 << 11,

    /// <summary>A write that is repeated is carried out again.</summary>
    ForgetRequests = 1 << 12,

    /// <summary>A removal takes away whatever its coordinator has, and not only what its writer has seen.</summary>
    RemoveUnseen = 1 << 13,

    /// <summary>A removal is evaluated by what its coordinator has, although its writer has seen more.</summary>
    RemoveUnknown = 1 << 14,

    /// <summary>A set or a map does not remember what was removed from it.</summary>
    ForgetRemoved = 1 << 15,

    /// <summary>Of concurrent states of a data type the later one stays, where they have to be joined.</summary>
    KeepLaterState = 1 << 16,

    /// <summary>A write's timestamp is that of the clock, although its coordinator has seen later ones.</summary>
    StampByClock = 1 << 17,

    /// <summary>Writes of fields that lost are not listed.</summary>
    HideLosers = 1 << 18,
}
