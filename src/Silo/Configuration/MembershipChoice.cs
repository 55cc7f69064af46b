namespace GrainDb.Silo.Configuration;

/// <summary>Which membership table the nodes share.</summary>
public abstract record MembershipChoice
{
    private MembershipChoice()
    {
    }

    /// <summary>As given on the command line, without secrets.</summary>
    public abstract string Redacted { get; }

    /// <summary>A directory shared by the processes of one host.</summary>
    public sealed record InDirectory(string Directory) : MembershipChoice
    {
        public override string Redacted => $"file:{Directory}";
    }

    /// <summary>Orleans' ADO.NET clustering on PostgreSQL.</summary>
    public sealed record InPostgres(string ConnectionString) : MembershipChoice
    {
        public override string Redacted => "postgres:***";

        public override string ToString() => Redacted;
    }

    /// <summary>Orleans' Redis clustering.</summary>
    public sealed record InRedis(string ConnectionString) : MembershipChoice
    {
        public override string Redacted => "redis:***";

        public override string ToString() => Redacted;
    }
}
